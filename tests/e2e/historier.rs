//! The stories of `samspor demo`, played as the program plays them, and held to
//! what came of them.

use samspor::{
    demo::{Fortalt, Historie, KOMMUNER, Rad, Step, Style, play},
    gransk::tidslinje::Slag,
};
use samspor_chassis::domene::kalender::veggklokke;

async fn told(historie: Historie, kommune: Option<&str>) -> Fortalt {
    Box::pin(play(historie, kommune, Style::Silent, None, None))
        .await
        .unwrap()
}

/// The steps in which somebody did something, in order.
fn steps<'a>(told: &'a Fortalt, who: &str, what: &str) -> Vec<&'a Step> {
    let all = told.trinn.iter();
    let found = all.filter(|step| step.hvem == who && step.hva == what);
    found.collect()
}

/// Classes that came of a record.
fn classes(step: &Step) -> Vec<&str> {
    let seen = step.innhold.as_ref().unwrap();
    seen.sett.iter().map(|(class, _)| class.as_str()).collect()
}

/// K4: ROP and BOM deliver under one vedtak; what lies is seen; a klage is
/// carried back; Nav reads while the person says so.
///
/// Seen red: with a clock of the story that wakes nobody when days go by.
#[tokio::test(flavor = "multi_thread")]
async fn rop_and_bom_share_a_person() {
    let told = told(Historie::K4, None).await;
    let one = |who: &str, what: &str| steps(&told, who, what)[0];

    let score = one(
        "Bestillerkontor, caseworker B",
        "registers the answers to AUDIT",
    );
    assert_eq!(score.svar, "score 19, 3 cut-offs reached");
    let own = "The same caseworker B, as decider";
    assert!(one(own, "tries to decide on the own draft").avslatt);
    let lists = steps(
        &told,
        "Bo- og miljøtjenesten, saksbehandler",
        "opens the work list",
    );
    let said: Vec<&str> = lists.iter().map(|step| step.svar.as_str()).collect();
    let due = "SVAR from bom by 2027-01-14";
    let broken = format!("{due}, BROKEN");
    let end = " · UTLOP from bestillerkontor by 2027-04-11";
    assert_eq!(said, [format!("{due}{end}"), format!("{broken}{end}")]);
    let orderers = one("Bestillerkontoret, saksbehandler", "opens the work list");
    assert!(orderers.svar.starts_with(&broken), "{}", orderers.svar);

    let week = one(
        "ROP, caseworker",
        "holds what was delivered against what is granted",
    );
    assert_eq!(week.svar, "2.5 of 2 to 4 hours this week: INNENFOR");
    assert!(one("ROP, milieu staff", "asks for the restricted notes").avslatt);

    let reads = |who: &str| one(who, "reads the vedtak");
    let all = ["TJENESTE", "FUNKSJON", "HELSE"];
    assert_eq!(classes(reads("Bestillerkontor, caseworker B")), all);
    assert_eq!(classes(reads("ROP, clinician")), all);
    assert_eq!(classes(reads("BOM, caseworker")), ["TJENESTE", "FUNKSJON"]);
    assert_eq!(classes(reads("Boligkontor, a party only")), ["TJENESTE"]);
    assert!(reads("Hjemmetjeneste, not named").avslatt);

    let decider = one(
        "Bestillerkontor, decider",
        "who decided, tries to answer the klage",
    );
    assert!(decider.avslatt);
    let other = "Bestillerkontor, another decider";
    let proposed = one(other, "proposes to grant it: up to 12 hours of BOM");
    assert_eq!(
        proposed.svar,
        "MOTTATT; a new version waits for another to decide"
    );
    let decider = "Bestillerkontor, decider";
    let granted = one(decider, "decides what another proposed, and the klage ends");
    assert_eq!(granted.svar, "OMGJORT; the vedtak has version 2");
    let order = one("BOM, caseworker", "looks at its oppdrag");
    assert_eq!(order.svar, "the same oppdrag, 5 to 12 hours a week");

    let nav = steps(&told, "Nav, caseworker", "reads the vedtak");
    let refused: Vec<bool> = nav.iter().map(|step| step.avslatt).collect();
    assert_eq!(
        refused,
        [true, false, true],
        "before, with and after consent"
    );
    assert_eq!(classes(nav[1]), all);
    let stream = one(
        "Nav, caseworker",
        "had a stream of the person's events open",
    );
    assert!(stream.avslatt, "{}", stream.svar);

    let words = "evaluates, with the person's own words";
    let evaluated = one("Bestillerkontor, caseworker B", words);
    assert_eq!(
        evaluated.svar,
        "1 evaluation; rop and bom go on, both of them"
    );
}

/// Where no one unit decides on both services, the story says so.
#[tokio::test(flavor = "multi_thread")]
async fn k4_is_not_played_where_no_one_decides_on_both() {
    let played = play(Historie::K4, Some("sarpsborg"), Style::Silent, None, None);
    let fault = Box::pin(played).await.unwrap_err().to_string();
    assert!(
        fault.contains("Sarpsborg") && fault.contains("kartlagt-en-gang"),
        "{fault}"
    );
}

/// Act two, on Karmøy's stock: a place the same night, three months that Nav is
/// warned of and that ROP sees without anything else of the stay, a queue with
/// reasons, one winner of a race, and a dwelling.
///
/// Seen red: with P10 that opens more of a stay than BOLIG.
#[tokio::test(flavor = "multi_thread")]
async fn an_acute_night_ends_in_a_dwelling() {
    let told = told(Historie::Natt, None).await;
    let tonight = "asks whether there is an offer for tonight";
    let before = steps(&told, "Nav, the same on duty", tonight)[0];
    let after = steps(&told, "The person", tonight)[0];
    assert_eq!(before.svar, "VENTER, the night of 2027-01-11");
    assert_eq!(after.svar, "TILBUD, the night of 2027-01-11");

    let inbox = "opens the inbox, at what is about this stay";
    let inbox = steps(&told, "Nav, caseworker", inbox);
    let said: Vec<&str> = inbox.iter().map(|step| step.svar.as_str()).collect();
    let due = "TRE_MANEDER by 2027-04-11";
    assert!(said[0].ends_with(due), "{said:?}");
    // The exception that was decided meanwhile holds: nothing is left to ask for.
    assert!(!said[1].contains("TRE_MANEDER"), "{said:?}");
    let stay = "reads the stay of the person who waits for a dwelling";
    let stay = steps(&told, "ROP, caseworker", stay);
    for (step, ends) in stay.iter().zip(["on 2027-04-11", "OVER three months"]) {
        assert!(step.svar.ends_with(ends), "{}", step.svar);
        assert_eq!(classes(step), ["BOLIG"]);
    }
    let case = "reads how far the housing case has come";
    let nav = steps(&told, "Nav, caseworker", case)[0];
    assert_eq!(
        (nav.svar.as_str(), classes(nav)),
        ("GODKJENT", vec!["BOLIG"])
    );
    assert_eq!(steps(&told, "The person", case)[0].svar, "TILDELT");

    let reserves = |ends: &str| -> Vec<&Step> {
        let all = told.trinn.iter();
        let of = all.filter(|step| step.hva.starts_with("reserves it for place"));
        of.filter(|step| step.hva.ends_with(ends)).collect()
    };
    let [unreasoned] = reserves("and gives no reason")[..] else {
        panic!("{:?}", told.trinn);
    };
    assert!(
        unreasoned.svar.contains("overstyring"),
        "{}",
        unreasoned.svar
    );
    let race = reserves("with a reason");
    let won = race.iter().filter(|step| !step.avslatt);
    assert_eq!((race.len(), won.count()), (6, 1));
    // Who allocates sees in the queue for whom it has taken too long.
    for what in [
        "asks who is before whom, and why",
        "asks whom it suits, in the order of the queue",
    ] {
        let queue = steps(&told, "ROP, caseworker", what)[0];
        // As many as have been heard of by then.
        let long = queue.svar.strip_prefix("7 wait, ").and_then(|rest| {
            let number = rest.split(" of them over three months").next()?;
            number.parse::<u32>().ok()
        });
        let some = long.is_some_and(|long| (1..=6).contains(&long));
        assert!(some, "{}", queue.svar);
    }
    let held = steps(&told, "ROP, caseworker", "holds it for the person")[0];
    let place = "has it: place 7, 0 passed over whom it suits, by karmoy-1";
    assert_eq!(held.svar, place);
    let heard = steps(&told, "The person", "was told by boligkontoret")[0];
    for event in ["BoligTilbudt", "BoligsakTildelt", "LeieforholdInngatt"] {
        assert!(heard.svar.contains(event), "{}", heard.svar);
    }
    // Nav, because the stay went on.
    let heard = steps(
        &told,
        "Nav, kommunal del, its system",
        "was told by boligkontoret",
    )[0];
    for event in ["BoligTilbudt", "BoligsakTildelt", "LeieforholdInngatt"] {
        assert!(heard.svar.contains(event), "{}", heard.svar);
    }
}

/// Act three, S2: Nav is told each step of its avvik about Boligkontoret, and
/// nobody closes it before; R5: a discharge to the street raises an avvik by
/// itself, and a review under a mandate says who knew and who had it, without
/// health.
///
/// Seen red: with HELSE in the mandate, and with an avvik that lacks no feedback.
#[tokio::test(flavor = "multi_thread")]
async fn an_avvik_comes_back_and_a_discharge_is_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let played = play(Historie::Avvik, None, Style::Silent, None, Some(&page));
    let told = Box::pin(played).await.unwrap();
    between_nav_and_boligkontoret(&told);
    discharged(&told);

    let report = told.gransking.as_ref().unwrap();
    let texts = [report.tekst(), report.json(), report.side()];
    assert_eq!(std::fs::read_to_string(&page).unwrap(), texts[2]);
    for health in ["psykose", "Amfetamin", "Egen liste"] {
        assert!(texts.iter().all(|text| !text.contains(health)), "{health}");
    }
    for text in &texts {
        assert!(text.contains("Søknad venter på kartlegging"), "{text}");
    }
}

fn between_nav_and_boligkontoret(told: &Fortalt) {
    let office = "Boligkontoret, boligforvalter";
    let one = |who: &str, what: &str| steps(told, who, what)[0];
    let stranger = one(
        "Helseforvaltning, saksbehandler",
        "asks for it, and is no party to it",
    );
    assert!(stranger.avslatt);
    let waits = one(office, "finds what waits for it");
    assert_eq!(waits.svar, "1 avvik from nav, to be answered by 2027-01-14");
    let nav = "Nav, kommunal del, saksbehandler";
    let inbox = steps(told, nav, "opens its inbox of what it reported");
    let said: Vec<&str> = inbox.iter().map(|step| step.svar.as_str()).collect();
    let all = [
        "DEL_AKSEPTERT by boligkontor",
        "DEL_FORESLATT by boligkontor",
        "DEL_AKSEPTERT by bestillerkontor",
        "ARSAK_REGISTRERT by boligkontor",
        "ARSAK_REGISTRERT by bestillerkontor",
        "TILTAK_REGISTRERT by boligkontor",
        "TILTAK_UTFORT by boligkontor",
        "EFFEKT_KONTROLLERT by boligkontor",
        "DEL_FERDIG by bestillerkontor",
        "DEL_FERDIG by boligkontor",
        "TILBAKEMELDING by boligkontor",
        "LUKKET by boligkontor",
    ];
    assert_eq!(said, [all[0], &all.join(" · ")]);
    let read = one(nav, "reads how far it has come");
    assert_eq!(
        read.svar,
        "2 causes as they are shared, 0 as a unit keeps it"
    );
    let unchecked = one(office, "calls its part done before anybody has looked");
    assert!(unchecked.avslatt && unchecked.svar.ends_with("effektkontroll av tiltak 1"));
    let leader = "Boligkontoret, leder";
    let early = one(leader, "closes it, for everything is done");
    let lacks = "lacks: tilbakemelding til enheter/nav etter siste ferdige del";
    assert!(
        early.avslatt && early.svar.ends_with(lacks),
        "{}",
        early.svar
    );
    assert_eq!(one(leader, "closes it").svar, "LUKKET");
}

fn discharged(told: &Fortalt) {
    let one = |who: &str, what: &str| steps(told, who, what)[0];
    let tonight = one("The person", "asks whether there is an offer for tonight");
    assert_eq!(tonight.svar, "IKKE_KLART, the night of 2027-02-11");
    let leader = "Koordinerende enhet, leder";
    let raised = one(leader, "finds what raised itself");
    let lines: Vec<&str> = raised.svar.split(" · ").collect();
    let itself = "KRITISK ingen_bolig with nav";
    // Newest first: the night that went by, and the no.
    assert_eq!(
        lines,
        [itself, &format!("{itself}, by the trace of the no")]
    );

    let own = one(leader, "approves the own mandate");
    assert!(own.avslatt && own.svar.contains("W8"), "{}", own.svar);
    let reviewer = "Personvernombud og loggkontroll, gransker";
    for closed in ["reviews before it is approved", "reviews once more"] {
        assert!(one(reviewer, closed).avslatt, "{closed}");
    }
    let report = told.gransking.as_ref().unwrap();
    let line = &report.linje;
    assert!(line.hull.is_empty(), "{:?}", line.hull);
    let said = one(reviewer, "puts one timeline together");
    let count = format!(
        "{} entries in {} lanes, ",
        line.innslag.len(),
        line.baner.len()
    );
    assert!(said.svar.starts_with(&count), "{}", said.svar);
    assert!(
        said.svar.ends_with("1 broken deadline, 0 gaps"),
        "{}",
        said.svar
    );

    let entry = |words: &str| {
        let found = line.innslag.iter().find(|entry| entry.tekst == words);
        found.unwrap_or_else(|| panic!("no {words} in {}", report.tekst()))
    };
    assert_eq!(entry("Søknad mottatt").bane, "spesialisthelsetjenesten");
    let no_bed = entry("Botilbud ikke klart");
    assert_eq!(
        (no_bed.bane.as_str(), no_bed.slag),
        ("nav", Slag::Beslutning)
    );
    assert_eq!(no_bed.sporings_id, told.sporing);
    // Whose hands it was in then.
    let open: Vec<_> = line
        .apne(no_bed.tid)
        .map(|run| (run.eier.as_str(), run.tekst.as_str()))
        .collect();
    for held in [
        ("bestillerkontor", "Søknad venter på kartlegging"),
        ("nav", "Uten et sted å sove"),
    ] {
        assert!(open.contains(&held), "{open:?}");
    }
    let broken = entry("Frist brutt: botilbud natt");
    assert!(veggklokke(broken.tid).starts_with("2027-02-11 23:0"));
    assert_eq!(entry("Avvik meldt").bane, "koordinering");
    let readings = one(
        "The person",
        "counts the readings of the review in the own log",
    );
    let readings: usize = readings.svar.split(' ').next().unwrap().parse().unwrap();
    assert!(readings > 10, "{readings}");
}

/// S1: three units decide in Sarpsborg; one mapping is under all three
/// decisions, and each reads its own part of it.
///
/// Seen red: with the leader of hjemmetjenesten as a caseworker, who sees what
/// the clinician sees.
#[tokio::test(flavor = "multi_thread")]
async fn sarpsborgs_person_is_mapped_once() {
    let told = told(Historie::KartlagtEnGang, None).await;
    let [rad] = told.tabell.as_slice() else {
        panic!("{:?}", told.tabell);
    };
    let deciders: Vec<&str> = rad.vedtatt.iter().map(|(unit, _)| unit.as_str()).collect();
    assert_eq!(deciders, ["rop", "hjemmetjeneste", "bestillerkontor"]);
    assert_eq!(rad.kartlegginger, 1);
    assert_eq!(rad.grunnlag.len(), 3);
    assert!(!rad.grunnlag[0].is_empty());
    assert!(
        rad.grunnlag
            .iter()
            .all(|mapping| *mapping == rad.grunnlag[0])
    );
    let whole = ["BOLIG", "FUNKSJON", "HELSE", "OKONOMI", "TJENESTE"];
    assert_eq!(rad.lest["bestillerkontor"], whole);
    assert_eq!(rad.lest["rop"], ["FUNKSJON", "HELSE", "TJENESTE"]);
    assert_eq!(rad.lest["hjemmetjeneste"], ["FUNKSJON", "TJENESTE"]);
    assert!(rad.lest["nav"].is_empty());
    assert_eq!(rad.lest["person"], whole);
}

/// One case, five files: who decides and who allocates differs; nobody answers
/// for less.
///
/// Seen red: with `vedtaksmyndighet:boveiledning` of Sarpsborg given to `rop`.
#[tokio::test(flavor = "multi_thread")]
async fn the_vignette_in_five_municipalities() {
    let told = told(Historie::Vignett, None).await;
    let named: Vec<&str> = told.tabell.iter().map(|rad| rad.kommune.as_str()).collect();
    assert_eq!(
        named,
        ["Karmøy", "Sarpsborg", "Levanger", "Ålesund", "Kristiansund"]
    );
    assert_eq!(named.len(), KOMMUNER.len());

    let cell = |of: fn(&Rad) -> &str| told.tabell.iter().map(of).collect::<Vec<_>>();
    assert_eq!(
        cell(|rad| &rad.tildeler),
        [
            "rop",
            "boligkontor",
            "bestillerkontor",
            "boligkontor",
            "bestillerkontor"
        ]
    );
    assert_eq!(cell(|rad| &rad.midlertidig), ["nav"; 5]);
    assert_eq!(cell(|rad| &rad.hovedansvarlig), ["rop"; 5]);

    for rad in &told.tabell {
        let deciders: Vec<&str> = rad.vedtatt.iter().map(|(unit, _)| unit.as_str()).collect();
        let split = rad.kommune == "Sarpsborg";
        let expected: &[&str] = match split {
            true => &["rop", "hjemmetjeneste", "bestillerkontor"],
            false => &["bestillerkontor"],
        };
        assert_eq!(deciders, expected, "{}", rad.kommune);
        // The same lines, whoever decides them; the dwelling by who allocates.
        let mut lines: Vec<&str> = rad
            .vedtatt
            .iter()
            .flat_map(|(_, of)| of)
            .map(String::as_str)
            .collect();
        lines.sort_unstable();
        let dwelling = format!("TRENINGSLEILIGHET by {}", rad.tildeler);
        let same = ["BOVEILEDNING by bom", "ROP_OPPFOLGING by rop", &dwelling];
        assert_eq!(lines, same, "{}", rad.kommune);

        // Who allocates the dwelling reads its line too.
        let rop: &[&str] = match rad.tildeler == "rop" {
            true => &["BOLIG", "FUNKSJON", "HELSE", "TJENESTE"],
            false => &["FUNKSJON", "HELSE", "TJENESTE"],
        };
        assert_eq!(rad.lest["rop"], rop, "{}", rad.kommune);
        assert_eq!(rad.lest["bom"], ["FUNKSJON", "TJENESTE"]);
        assert!(rad.lest["nav"].is_empty());
        // Who decides reads, and who delivers; hjemmetjenesten only there.
        assert_eq!(rad.lest["hjemmetjeneste"].is_empty(), !split);

        for unit in ["rop", "bom"] {
            let answer = format!("SVAR from {unit} by 2027-01-14");
            assert!(rad.venter.contains(&answer), "{:?}", rad.venter);
        }
        for unit in expected {
            let tell = format!("UNDERRETNING from {unit} by 2027-01-14");
            assert!(rad.venter.contains(&tell), "{:?}", rad.venter);
        }
    }
}
