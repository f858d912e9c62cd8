//! A review of an incident across bestillerkontor, ROP, nav and boligkontor: put
//! together through the gateway under a mandate of two roles, with and without
//! spans, and never with more than the mandate opens.

mod avviket;
mod grenser;

use std::{sync::Arc, time::Duration};

use samspor::{
    desk::Desk,
    gransk::{
        Rapport, Utsnitt,
        spor::{Sporlager, Talmod},
        tidslinje::{Innslag, Slag},
    },
};
use samspor_chassis::tid::{TestClock, Tid};
use samspor_proto::{
    felles::Rolle,
    gateway::*,
    nav::{IkkeKlartGrunn, MeldIkkeKlartRequest, MeldIkkeKlartResponse},
    rop::{HentKriseplanRequest, HentKriseplanResponse},
    tilgang::{Dataklasse, Formal},
};

use crate::{
    bolig_forlop::boligsak,
    handovers::until,
    nav_forlop,
    scene::*,
    sporlager::{self, Lager},
    traces,
};

const GRANSKING: &str = "gateway.v1.GranskingService/";
/// Half an hour before the incident.
const FOR: &str = "2027-01-04T07:30:00Z";

fn tid(text: &str) -> Tid {
    text.parse().unwrap()
}

fn klokke() -> Arc<TestClock> {
    Arc::new(TestClock::new(tid("2027-01-04T08:00:00Z")))
}

/// A mandate that leaders and the data protection officer have agreed on.
struct Mandat {
    personer: Vec<String>,
    avvik: String,
    sporings_id: String,
    klasser: Vec<Dataklasse>,
    /// Days that it lives.
    dager: u64,
}

impl Mandat {
    fn om(person: &str) -> Self {
        Self {
            personer: vec![person.to_owned()],
            avvik: String::new(),
            sporings_id: String::new(),
            klasser: Vec::new(),
            dager: 30,
        }
    }

    async fn foreslatt(&self, scene: &Scene) -> Gransking {
        let leader = scene
            .desk("personvern", Rolle::Leder, Formal::Kontroll)
            .await;
        let now = scene.mesh.now();
        let request = ApneGranskingRequest {
            parent: "enheter/personvern".to_owned(),
            request_id: request_id(),
            gransker: "granskeren".to_owned(),
            gransker_enhet: "enheter/personvern".to_owned(),
            enheter: ["bestillerkontor", "rop", "nav", "boligkontor", "bom"]
                .map(|unit| format!("enheter/{unit}"))
                .to_vec(),
            personer: self.personer.clone(),
            avvik: self.avvik.clone(),
            sporings_id: self.sporings_id.clone(),
            fra: Some(tid(FOR).to_proto()),
            til: Some(now.plus(Duration::from_hours(24)).to_proto()),
            utloper: Some(now.plus(Duration::from_hours(24 * self.dager)).to_proto()),
            klasser: self.klasser.iter().map(|class| (*class).into()).collect(),
            mandat: "Hvorfor sto personen uten et sted å sove".to_owned(),
        };
        let opened: ApneGranskingResponse =
            ok(&leader, &format!("{GRANSKING}ApneGransking"), request).await;
        opened.gransking.unwrap()
    }

    async fn gitt(&self, scene: &Scene) -> String {
        let proposed = self.foreslatt(scene).await;
        let officer = scene
            .desk("personvern", Rolle::Personvernombud, Formal::Kontroll)
            .await;
        let request = GodkjennGranskingRequest {
            name: proposed.name.clone(),
            request_id: request_id(),
            etag: proposed.etag,
        };
        let approved: GodkjennGranskingResponse =
            ok(&officer, &format!("{GRANSKING}GodkjennGransking"), request).await;
        assert_eq!(
            approved.gransking.unwrap().tilstand(),
            GranskingTilstand::Aktiv
        );
        proposed.name
    }
}

async fn gransker(scene: &Scene) -> Desk {
    scene
        .desk_of(
            "personvern",
            "granskeren",
            Rolle::Gransker,
            Formal::Gransking,
        )
        .await
}

async fn rapport(scene: &Scene, mandat: &str) -> Rapport {
    let desk = gransker(scene).await;
    let now = scene.mesh.now();
    Rapport::hent(&desk, mandat, Utsnitt::default(), now)
        .await
        .unwrap()
}

/// A person whom ROP and BOM follow and who applied for a dwelling has nowhere to
/// sleep, is told that there is no bed, and Nav is refused ROP's crisis plan.
/// Lets a minute pass before each step, where the clock is given.
async fn hendelsen(scene: &Scene, clock: Option<&TestClock>) -> String {
    let step = || {
        if let Some(clock) = clock {
            clock.advance(Duration::from_mins(1));
        }
    };
    let person = scene.case(NUMBERS[0]).await.person;
    step();
    let plan = scene.journal(&person).await.plan;
    step();
    let owner = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    boligsak::taken_in(scene, &person, &owner).await;
    step();
    let need = nav_forlop::meldt(scene, &person).await;
    step();
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let nav_asks = nav.with_purpose(Formal::Ytelse);
    let method = "rop.v1.KriseplanService/HentKriseplan";
    let request = HentKriseplanRequest { name: plan };
    refused::<_, HentKriseplanResponse>(&nav_asks, method, request).await;
    step();
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let none = MeldIkkeKlartRequest {
        name: need,
        request_id: request_id(),
        grunn: IkkeKlartGrunn::IngenLedig.into(),
        begrunnelse: "Ringte alle.".to_owned(),
        hjemmel: Some(basis("§ 27")),
    };
    let method = "nav.v1.BotilbudService/MeldIkkeKlart";
    ok::<_, MeldIkkeKlartResponse>(&decider, method, none).await;
    person
}

/// Entries that are calls of somebody, but for those that only read: lane, kind
/// and words. ROP's follow-up is opened by the order's event or by the first who
/// writes, whoever comes first.
fn handlinger(report: &Rapport) -> Vec<String> {
    let calls = report.linje.innslag.iter().filter(|entry| entry.direkte);
    calls
        .filter(|entry| entry.slag != Slag::Innsyn && entry.type_ != "OppfolgingApnet")
        .map(|entry| format!("{} {}: {}", entry.bane, entry.slag.navn(), entry.tekst))
        .collect()
}

fn finn<'r>(report: &'r Rapport, words: &str) -> &'r Innslag {
    let found = report
        .linje
        .innslag
        .iter()
        .find(|entry| entry.tekst == words);
    found.unwrap_or_else(|| panic!("no {words} in {}", report.tekst()))
}

/// Waits until consumers have done theirs: a timeline that has these words so
/// often, and is the same when it is asked for again.
async fn stille(scene: &Scene, mandat: &str, words: &str, times: usize) -> Rapport {
    until(async || {
        let report = rapport(scene, mandat).await;
        let entries = report.linje.innslag.iter();
        let told = entries.filter(|entry| entry.tekst == words).count();
        let again = rapport(scene, mandat).await;
        (told == times && again.linje == report.linje).then_some(report)
    })
    .await
}

const OPPGAVE: &str = "Oppgave opprettet";

/// Everybody's part in order, with who decided and by which rules; what came of
/// it elsewhere; what was open; and nothing is missing.
///
/// Seen red: with an event that is joined with the first call of its trace, and
/// with a timeline of one service.
#[tokio::test(flavor = "multi_thread")]
async fn one_timeline_across_the_services() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    Box::pin(tidslinjen(&scene, &clock)).await;
}

async fn tidslinjen(scene: &Scene, clock: &TestClock) {
    let person = hendelsen(scene, Some(clock)).await;
    let mandat = Mandat::om(&person).gitt(scene).await;
    // ROP's of the order and of the application for a dwelling; nav's two.
    let report = stille(scene, &mandat, OPPGAVE, 4).await;
    assert!(report.linje.hull.is_empty(), "{:?}", report.linje.hull);
    assert_eq!(
        handlinger(&report),
        [
            "bestillerkontor endring: Sikre person",
            "nav overlevering: Søknad mottatt",
            "bestillerkontor overlevering: Kartlegging startet",
            "bestillerkontor hendelse: Søknad klar",
            "bestillerkontor hendelse: Vedtak opprettet",
            "bestillerkontor overlevering: Vedtak til godkjenning",
            "bestillerkontor hendelse: Søknad vedtatt",
            "bestillerkontor beslutning: Vedtak fattet",
            "bestillerkontor overlevering: Oppdrag tilbudt",
            "bestillerkontor overlevering: Oppdrag tilbudt",
            "rop overlevering: Oppdrag akseptert",
            "rop hendelse: Oppdrag startet",
            "rop hendelse: Vedtak iverksatt",
            "bom overlevering: Oppdrag akseptert",
            "bom hendelse: Oppdrag startet",
            "rop endring: Skriv begrenset notat",
            "rop hendelse: Åpent notat skrevet",
            "rop hendelse: Behandler tildelt",
            "rop hendelse: Kriseplan skrevet",
            "rop hendelse: Risikovurdering registrert",
            "nav overlevering: Boligsak mottatt",
            "politi overlevering: Behov meldt",
            "politi overlevering: Oppgave opprettet",
            "nav avslag: Avslått: hent kriseplan",
            "nav beslutning: Botilbud ikke klart",
            "nav overlevering: Oppgave opprettet",
        ],
        "{}",
        report.tekst()
    );

    let decided = finn(&report, "Vedtak fattet");
    let who = decided.hvem.as_ref().unwrap();
    assert_eq!(
        (who.ansatt.as_str(), who.rolle.as_str()),
        ("bestillerkontor-beslutter", "BESLUTTER")
    );
    assert!(decided.regler.contains(&"W4".to_owned()), "{decided:?}");
    assert!(!decided.regelversjon.is_empty());
    assert_eq!(
        decided.fortalt,
        ["bestillerkontor", "bom", "koordinering", "nav", "rop"]
    );
    // ROP's task stands in the trace of the decision, and is not its call.
    let entries = report.linje.innslag.iter();
    let task = entries
        .filter(|entry| entry.sporings_id == decided.sporings_id && entry.tekst == OPPGAVE)
        .collect::<Vec<_>>();
    assert_eq!(task.len(), 1);
    assert_eq!((task[0].bane.as_str(), task[0].direkte), ("rop", false));
    assert_eq!(task[0].hvem.as_ref(), Some(who));
    // Who read what is there, with what was withheld from whom.
    let reads = report
        .linje
        .innslag
        .iter()
        .filter(|e| e.slag == Slag::Innsyn);
    assert!(
        reads
            .clone()
            .any(|read| read.bane == "bom" && !read.skjermet.er_tom())
    );

    // What was open when nav said that there was no bed.
    let no_bed = finn(&report, "Botilbud ikke klart");
    let open: Vec<&str> = report
        .linje
        .apne(no_bed.tid)
        .filter(|run| run.post.contains("/botilbud/"))
        .map(|run| run.tekst.as_str())
        .collect();
    assert_eq!(open, ["Uten et sted å sove", "Botilbud natt"]);
    // The record that was decided, as far as the mandate reaches.
    let vedtak = report
        .linje
        .poster
        .iter()
        .find(|post| decided.post() == post.navn);
    let fields = &vedtak.unwrap().felt;
    assert!(
        fields.contains(&("Tilstand".to_owned(), "FATTET".to_owned())),
        "{fields:?}"
    );

    // A part of the period shows what was open in it from before.
    let desk = gransker(scene).await;
    let part = Utsnitt {
        fra: Some(no_bed.tid),
        til: None,
    };
    let part = Rapport::hent(&desk, &mandat, part, scene.mesh.now());
    let part = part.await.unwrap();
    let since = |entry: &&Innslag| entry.tid >= no_bed.tid;
    let expected: Vec<_> = report.linje.innslag.iter().filter(since).cloned().collect();
    assert_eq!(part.linje.innslag, expected);
    let open = |report: &Rapport| -> Vec<(String, String)> {
        let open = report.linje.apne(no_bed.tid);
        open.map(|run| (run.tekst.clone(), run.post.clone()))
            .collect()
    };
    let mut before = report.linje.apne(no_bed.tid);
    assert!(before.any(|run| !run.frist && run.fra < no_bed.tid));
    assert_eq!(open(&part), open(&report));

    // The night passes: the deadline is broken by the clock, and by nobody's call.
    clock.advance(Duration::from_hours(15));
    let report = stille(scene, &mandat, "Frist brutt: botilbud natt", 1).await;
    let broken = finn(&report, "Frist brutt: botilbud natt");
    assert_eq!(
        (broken.bane.as_str(), broken.slag),
        ("nav", Slag::FristBrutt)
    );
    assert!(
        !broken.direkte && broken.fortalt.contains(&"avvik".to_owned()),
        "{broken:?}"
    );
    lest(scene, &person, &mandat).await;
}

/// Each reading is in the log, with the mandate as its case; the person sees it.
async fn lest(scene: &Scene, person: &str, mandat: &str) {
    let log = scene.log().await;
    let under: Vec<&str> = log
        .iter()
        .filter(|row| row.sak == mandat)
        .map(|row| row.metode.rsplit('/').next().unwrap())
        .collect();
    for method in [
        "ListHendelser",
        "ListFrister",
        "ListInnsyn",
        "HentVedtak",
        "HentGransking",
    ] {
        assert!(under.contains(&method), "{method} in {under:?}");
    }
    let own = scene.person_desk(person).await;
    let request = ListInnsynRequest {
        parent: person.to_owned(),
        page_size: 200,
        ..Default::default()
    };
    let seen: ListInnsynResponse =
        ok(&own, "gateway.v1.InnsynsloggService/ListInnsyn", request).await;
    let reviewed = seen
        .innsyn
        .iter()
        .filter(|row| row.formal() == Formal::Gransking && row.sak == mandat);
    assert!(reviewed.count() > 10);
}

/// The same incident, reviewed with spans, from a store that is dead, slow, or
/// has forgotten, and from logs alone: the timeline is the same, and what is
/// missing has a name.
///
/// Seen red: with spans as entries.
#[tokio::test(flavor = "multi_thread")]
async fn spans_only_refine_it() {
    let telemetry = traces::watch();
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = Box::pin(hendelsen(&scene, Some(&clock))).await;
    let mandat = Mandat::om(&person).gitt(&scene).await;
    let logs_alone = stille(&scene, &mandat, OPPGAVE, 4).await;
    let plain = |of: &Rapport| (of.linje.innslag.clone(), of.linje.lop.clone());

    // As `samspor up` serves what it keeps.
    let buffer = Sporlager::start(telemetry.buffer.clone()).await.unwrap();
    let traced = rapport(&scene, &mandat).await;
    let traced = traced
        .med_spor(&buffer.url, Talmod::default())
        .await
        .unwrap();
    assert_eq!(traced.sporhull, []);
    assert_eq!(plain(&traced), plain(&logs_alone));
    let no_bed = finn(&traced, "Botilbud ikke klart");
    let trace = &traced.spor[&no_bed.sporings_id];
    let within: Vec<&str> = trace.spenn.iter().map(|s| s.tjeneste.as_str()).collect();
    assert!(
        within.contains(&"gateway") && within.contains(&"nav"),
        "{trace:?}"
    );
    assert!(trace.varighet_us > 0);
    assert!(traced.tekst().contains(" ms i ") && !logs_alone.tekst().contains(" ms i "));
    buffer.stopp();

    for (lager, why) in [
        (Lager::Tomt, "har ikke "),
        (Lager::Taust, "svarte ikke i tide"),
        (Lager::Feil, "svarte med en feil"),
    ] {
        let store = sporlager::start(lager).await;
        let report = rapport(&scene, &mandat).await;
        let report = report.med_spor(&store.url, sporlager::KORT).await.unwrap();
        assert_eq!(plain(&report), plain(&logs_alone), "{lager:?}");
        assert!(report.spor.is_empty());
        assert!(
            report.sporhull[0].grunn.starts_with(why),
            "{:?}",
            report.sporhull
        );
        assert!(report.side().contains(why) && report.tekst().contains(why));
        store.stopp();
    }
    let dead = rapport(&scene, &mandat).await;
    let dead = dead
        .med_spor(&buffer_url_of_nobody().await, sporlager::KORT)
        .await
        .unwrap();
    assert_eq!(plain(&dead), plain(&logs_alone));
    assert_eq!(dead.sporhull[0].grunn, "svarer ikke");
}

async fn buffer_url_of_nobody() -> String {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", port.local_addr().unwrap())
}

/// Plays every method of a review.
pub async fn lives() {
    let clock = klokke();
    let scene = Scene::on(clock.clone(), |_| {}).await;
    Box::pin(tidslinjen(&scene, &clock)).await;
    Box::pin(avviket::gjennomgatt(&scene, &clock)).await;
    let officer = scene
        .desk("personvern", Rolle::Personvernombud, Formal::Kontroll)
        .await;
    let request = ListGranskingerRequest {
        parent: "enheter/personvern".to_owned(),
        ..Default::default()
    };
    let method = format!("{GRANSKING}ListGranskinger");
    let listed: ListGranskingerResponse = ok(&officer, &method, request).await;
    let end = AvsluttGranskingRequest {
        name: listed.granskinger[0].name.clone(),
        request_id: request_id(),
    };
    let method = format!("{GRANSKING}AvsluttGransking");
    let ended: AvsluttGranskingResponse = ok(&officer, &method, end).await;
    assert_eq!(
        ended.gransking.unwrap().tilstand(),
        GranskingTilstand::Avsluttet
    );
}
