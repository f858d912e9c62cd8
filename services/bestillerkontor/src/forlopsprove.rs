//! The course of a case through the handlers and the store: who decides what in
//! which municipality, amendment, klage, short services, the clocks, the work
//! list, and that each need has one responsible unit whatever happens.

use std::{collections::BTreeSet, sync::Arc};

use samspor_chassis::{
    call::Call,
    deadlines::Ticker,
    error::{Error, Refusal},
    params,
    server::Agency as _,
    store::Store,
    testing::{Database, TestCall, Tid, request_id},
};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
};

use crate::{
    Bestillerkontor, ENHET, MIGRATIONS,
    eierprove::{P, fattet, gjor_klar, hos, kall, klar, mottatt},
    innboks, klage, oppdrag, proveark, soknad, vedtak,
};

samspor_chassis::on_both_databases! {
    three_units_each_decide_their_own_lines,
    one_unit_decides_one_samlet_vedtak,
    an_amendment_takes_force_in_one_step,
}

pub(crate) fn refusal<T>(refused: Result<T, Error>) -> Refusal {
    let Err(error) = refused else {
        panic!("not refused")
    };
    let refusal = error.refusal().expect("a refusal");
    Refusal {
        grunn: refusal.grunn,
        nokler: refusal.nokler.clone(),
        felt: refusal.felt.clone(),
    }
}

pub(crate) fn fields<T>(refused: Result<T, Error>) -> String {
    let refusal = refusal(refused);
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel, "{refusal:?}");
    let names: Vec<String> = refusal.felt.into_iter().map(|fault| fault.felt).collect();
    names.join(" ")
}

/// An employee of a unit that decides on some types.
pub(crate) fn med(enhet: &str, ansatt: &str, typer: &[&str]) -> Arc<Call> {
    TestCall::new(enhet)
        .ansatt(ansatt)
        .rolle(Rolle::Beslutter)
        .with(|permit| {
            let held = typer
                .iter()
                .map(|type_| format!("vedtaksmyndighet:{type_}"));
            permit.funksjoner = held.collect();
            permit.utforere = ["rop", "bom", "hjemmetjeneste"].map(str::to_owned).into();
            permit.besluttere = proveark::besluttere();
            permit.boligtildelere = proveark::boligtildelere();
        })
        .build()
}

pub(crate) fn line(type_: Tjenestetype, unit: &str) -> Tjenestelinje {
    let mut line = proveark::vedtak("s").linjer.remove(0);
    line.r#type = type_.into();
    line.enheter = vec![format!("enheter/{unit}")];
    line
}

pub(crate) fn with_lines(soknad: &str, lines: Vec<Tjenestelinje>, hovedansvarlig: &str) -> Vedtak {
    Vedtak {
        soknad: soknad.into(),
        linjer: lines,
        bolig: None,
        parter: Vec::new(),
        hovedansvarlig: format!("enheter/{hovedansvarlig}"),
        ..proveark::vedtak("s")
    }
}

pub(crate) async fn draft(store: &Store, vedtak: Vedtak) -> Vedtak {
    let request = OpprettVedtakRequest {
        parent: P.into(),
        request_id: request_id(),
        vedtak: Some(vedtak),
    };
    let made = kall!(store, hos(ENHET, "a1"), vedtak::rpc::opprett, request);
    made.unwrap().vedtak.unwrap()
}

pub(crate) async fn send(store: &Store, who: Arc<Call>, vedtak: &Vedtak) -> Vedtak {
    let request = SendTilGodkjenningRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        etag: vedtak.etag.clone(),
    };
    let sent = kall!(store, who, vedtak::rpc::send, request).unwrap();
    sent.vedtak.unwrap()
}

pub(crate) async fn decide(
    store: &Store,
    who: Arc<Call>,
    vedtak: &Vedtak,
) -> Result<Vedtak, Error> {
    let request = FattVedtakRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        etag: vedtak.etag.clone(),
    };
    let decided = kall!(store, who, vedtak::rpc::fatt, request)?;
    Ok(decided.vedtak.unwrap())
}

pub(crate) async fn tell(store: &Store, vedtak: &Vedtak) -> Vedtak {
    let request = UnderrettVedtakRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        mate: "lest opp på besøk".into(),
        ..Default::default()
    };
    let told = kall!(store, hos(ENHET, "a1"), vedtak::rpc::underrett, request).unwrap();
    told.vedtak.unwrap()
}

pub(crate) async fn read(store: &Store, vedtak: &Vedtak, versjon: i32) -> Result<Vedtak, Error> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let request = HentVedtakRequest {
        name: vedtak.name.clone(),
        versjon,
    };
    let found = vedtak::rpc::hent(&mut tx, request).await?;
    Ok(found.vedtak.unwrap())
}

pub(crate) async fn orders(store: &Store) -> Vec<Oppdrag> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let request = ListOppdragRequest {
        parent: P.into(),
        page_size: 200,
        ..Default::default()
    };
    let mut found = oppdrag::rpc::list(&mut tx, request).await.unwrap().oppdrag;
    found.reverse();
    found
}

pub(crate) fn states(orders: &[Oppdrag]) -> Vec<String> {
    let say = |order: &Oppdrag| {
        let state = order.tilstand().as_str_name();
        let state = state.strip_prefix("OPPDRAG_TILSTAND_").unwrap();
        let unit = order.enhet.strip_prefix("enheter/").unwrap();
        format!("{} {unit} {state}", order.linje_id)
    };
    orders.iter().map(say).collect()
}

pub(crate) async fn accept(store: &Store, order: &Oppdrag) {
    let unit = order.enhet.strip_prefix("enheter/").unwrap();
    let request = AksepterOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(unit, "r1"), oppdrag::rpc::aksepter, request).unwrap();
}

pub(crate) async fn begin(store: &Store, order: &Oppdrag) {
    let unit = order.enhet.strip_prefix("enheter/").unwrap();
    let request = StartOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(unit, "r1"), oppdrag::rpc::start, request).unwrap();
}

pub(crate) async fn waiting(store: &Store, unit: &str) -> Vec<Ventepost> {
    let mut tx = store.begin_read(hos(unit, "x")).await.unwrap();
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListVenteposterRequest {
            parent: format!("enheter/{unit}"),
            page_size: 2,
            page_token,
        };
        let page = innboks::rpc::list(&mut tx, request).await.unwrap();
        assert!(page.venteposter.len() <= 2);
        all.extend(page.venteposter);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let due = |post: &Ventepost| post.frist.map(|at| (at.seconds, at.nanos));
    assert!(all.is_sorted_by_key(due), "by due time");
    all
}

pub(crate) fn kinds(posts: &[Ventepost]) -> Vec<String> {
    let say = |post: &Ventepost| {
        let kind = post.r#type().as_str_name().strip_prefix("VENTETYPE_");
        let broken = if post.brutt { "!" } else { "" };
        format!("{}{broken}", kind.unwrap())
    };
    posts.iter().map(say).collect()
}

pub(crate) async fn events(store: &Store, unit: &str) -> Vec<String> {
    let sql = "SELECT h.type FROM chassis_hendelse_mottaker m \
               JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 ORDER BY h.nr";
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![unit]).await.unwrap();
    rows.into_iter().map(|(kind,)| kind).collect()
}

pub(crate) async fn tick(store: &Store) {
    let ticker = Ticker::new(store.clone(), Bestillerkontor::on_deadline);
    let ticked = ticker.tick().await.unwrap();
    assert_eq!(ticked.failed, 0);
}

pub(crate) fn at(text: &str) -> Tid {
    text.parse().unwrap()
}

pub(crate) async fn ready(store: &Store) -> String {
    let name = mottatt(store).await;
    let request = StartKartleggingRequest {
        name: name.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, request).unwrap();
    let request = gjor_klar(&name);
    kall!(store, hos(ENHET, "a1"), soknad::rpc::gjor_klar, request).unwrap();
    name
}

pub(crate) async fn soknad_state(store: &Store, name: &str) -> SoknadTilstand {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let request = HentSoknadRequest { name: name.into() };
    let found = soknad::rpc::hent(&mut tx, request).await.unwrap();
    found.soknad.unwrap().tilstand()
}

/// Sarpsborg: one application, one mapping, three units, each its own lines.
///
/// Seen red: without `krev_myndighet`; with `siste` always; and with
/// bestillerkontor in place of the unit of the vedtak.
async fn three_units_each_decide_their_own_lines(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let own = |unit: &str, ansatt: &str| match unit {
        "rop" => med("rop", ansatt, &["rop_oppfolging", "miljoarbeid"]),
        "hjemmetjeneste" => med("hjemmetjeneste", ansatt, &["hjemmesykepleie"]),
        _ => med(ENHET, ansatt, &["avlastning", "bolig"]),
    };
    let mut drafts = Vec::new();
    for (unit, type_, by) in [
        ("rop", Tjenestetype::RopOppfolging, "rop"),
        (
            "hjemmetjeneste",
            Tjenestetype::Hjemmesykepleie,
            "hjemmetjeneste",
        ),
        (ENHET, Tjenestetype::Avlastning, "bom"),
    ] {
        let mut content = with_lines(&application, vec![line(type_, by)], "rop");
        // Its own until ROP has the main responsibility for the person.
        content.hovedansvarlig = format!("enheter/{by}");
        content.ansvarlig_enhet = format!("enheter/{unit}");
        drafts.push((unit, draft(&store, content).await));
    }

    // A line that is another's to decide is refused, and named.
    let (_, of_rop) = &drafts[0];
    let mut content = with_lines(
        &application,
        vec![
            line(Tjenestetype::RopOppfolging, "rop"),
            line(Tjenestetype::Hjemmesykepleie, "hjemmetjeneste"),
        ],
        "rop",
    );
    let update = |etag: &str, content: &Vedtak| OppdaterVedtakRequest {
        name: of_rop.name.clone(),
        request_id: request_id(),
        etag: etag.into(),
        vedtak: Some(content.clone()),
    };
    let request = update(&of_rop.etag, &content);
    let changed = kall!(store, hos("rop", "r1"), vedtak::rpc::oppdater, request).unwrap();
    let sent = send(&store, hos("rop", "r1"), &changed.vedtak.unwrap()).await;
    let refused = decide(&store, own("rop", "r2"), &sent).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].type");
    let request = ReturnerVedtakRequest {
        name: sent.name.clone(),
        request_id: request_id(),
        begrunnelse: "Hjemmetjenesten vedtar sin linje".into(),
    };
    let returned = kall!(store, own("rop", "r2"), vedtak::rpc::returner, request).unwrap();
    content.linjer.truncate(1);
    let request = update(&returned.vedtak.unwrap().etag, &content);
    let changed = kall!(store, hos("rop", "r1"), vedtak::rpc::oppdater, request).unwrap();
    drafts[0].1 = changed.vedtak.unwrap();

    let mut mappings = BTreeSet::new();
    for (place, (unit, drafted)) in drafts.iter().enumerate() {
        let mut current = drafted.clone();
        if place > 0 {
            // A second main responsibility for the person is refused.
            let sent = send(&store, hos(unit, "s1"), &current).await;
            let refused = decide(&store, own(unit, "s2"), &sent).await;
            assert_eq!(fields(refused), "vedtak.hovedansvarlig");
            let request = ReturnerVedtakRequest {
                name: sent.name.clone(),
                request_id: request_id(),
                begrunnelse: "ROP har hovedansvaret".into(),
            };
            let returned = kall!(store, own(unit, "s2"), vedtak::rpc::returner, request).unwrap();
            current = returned.vedtak.unwrap();
            let mut content = current.clone();
            content.hovedansvarlig = "enheter/rop".into();
            let request = OppdaterVedtakRequest {
                name: current.name.clone(),
                request_id: request_id(),
                etag: current.etag.clone(),
                vedtak: Some(content),
            };
            let changed = kall!(store, hos(unit, "s1"), vedtak::rpc::oppdater, request).unwrap();
            current = changed.vedtak.unwrap();
        }
        let sent = send(&store, hos(unit, "s1"), &current).await;
        // Not another unit, whatever it may decide elsewhere.
        let other = if *unit == ENHET { "rop" } else { ENHET };
        let refused = refusal(decide(&store, med(other, "o1", &["bolig"]), &sent).await);
        assert_eq!(refused.grunn, Feilgrunn::IkkeFunnet);
        assert_eq!(
            soknad_state(&store, &application).await,
            SoknadTilstand::Klar
        );
        let decided = decide(&store, own(unit, "s2"), &sent).await.unwrap();
        assert_eq!(decided.ansvarlig_enhet, format!("enheter/{unit}"));
        mappings.insert(decided.kartlegging);
    }
    assert_eq!(mappings.len(), 1, "mapped once");
    assert_eq!(
        soknad_state(&store, &application).await,
        SoknadTilstand::Vedtatt
    );
    assert_eq!(
        states(&orders(&store).await),
        ["1 rop TILBUDT", "1 hjemmetjeneste TILBUDT", "1 bom TILBUDT"]
    );
}

/// Levanger: the same lines in one samlet vedtak. Two-person control by the
/// municipality's file.
///
/// Seen red: with `fatter_alene` read nowhere.
async fn one_unit_decides_one_samlet_vedtak(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (application, drafted) = klar(&store).await;
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    let all = ["rop_oppfolging", "boveiledning", "bolig"];
    let refused = refusal(decide(&store, med(ENHET, "a1", &all), &sent).await);
    assert_eq!(refused.nokler["regel"], "W4");
    // While it is decided, nobody edits it.
    let request = OppdaterVedtakRequest {
        name: sent.name.clone(),
        request_id: request_id(),
        etag: sent.etag.clone(),
        vedtak: Some(sent.clone()),
    };
    let edited = kall!(store, hos(ENHET, "a1"), vedtak::rpc::oppdater, request);
    assert_eq!(refusal(edited).grunn, Feilgrunn::UgyldigOvergang);
    let alone = TestCall::new(ENHET).ansatt("a1").with(|permit| {
        permit.funksjoner = proveark::alle_funksjoner();
        permit.funksjoner.push("fatter_alene".into());
    });
    let decided = decide(&store, alone.build(), &sent).await.unwrap();
    assert_eq!((decided.linjer.len(), decided.versjon), (2, 1));
    assert_eq!(
        soknad_state(&store, &application).await,
        SoknadTilstand::Vedtatt
    );
}

/// What an amendment ends, each with a reason and an alternative.
pub(crate) fn ends(before: &Vedtak, after: &Vedtak) -> Vec<Linjeslutt> {
    let goes_on = |line: &Tjenestelinje, unit: &String| {
        let mut after = after.linjer.iter();
        after.any(|new| {
            let as_long = new.til.is_empty() || (!line.til.is_empty() && new.til >= line.til);
            new.linje_id == line.linje_id && new.enheter.contains(unit) && as_long
        })
    };
    let lines = before.linjer.iter();
    let each = lines.flat_map(|line| line.enheter.iter().map(move |unit| (line, unit)));
    let ended = each.filter(|(line, unit)| !goes_on(line, unit));
    let ended = ended.map(|(line, unit)| (line.linje_id.clone(), unit.clone()));
    let housing = before.bolig.iter().filter(|_| after.bolig.is_none());
    ended
        .chain(housing.map(|bolig| ("bolig".to_owned(), bolig.enhet.clone())))
        .map(|(linje_id, enhet)| Linjeslutt {
            linje_id,
            enhet,
            begrunnelse: "Vil ha en annen".into(),
            alternativ: "Den nye enheten".into(),
        })
        .collect()
}

pub(crate) async fn propose(
    store: &Store,
    vedtak: &Vedtak,
    content: Vedtak,
) -> Result<Vedtak, Error> {
    let request = EndreVedtakRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        etag: vedtak.etag.clone(),
        linjeslutt: ends(vedtak, &content),
        vedtak: Some(content),
        begrunnelse: "Nytt behov".into(),
    };
    let proposed = kall!(store, hos(ENHET, "a3"), vedtak::rpc::endre, request)?;
    Ok(proposed.vedtak.unwrap())
}

pub(crate) async fn approve(store: &Store, who: &str, vedtak: &Vedtak) -> Result<Vedtak, Error> {
    let request = GodkjennEndringRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        etag: vedtak.etag.clone(),
    };
    let changed = kall!(store, hos(ENHET, who), vedtak::rpc::godkjenn, request)?;
    Ok(changed.vedtak.unwrap())
}

/// Switch of tiltak: one order ends, one follows its line, one is offered, in
/// one transaction; the earlier version stays readable.
///
/// Seen red: with the order of the changed line ended and offered anew; and
/// without `ta_vare_pa`.
async fn an_amendment_takes_force_in_one_step(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let told = tell(&store, &decided).await;
    for order in orders(&store).await {
        accept(&store, &order).await;
        begin(&store, &order).await;
    }
    let before = read(&store, &told, 0).await.unwrap();
    let mut content = before.clone();
    content.linjer[0].maks_timer = 6.0;
    content.linjer[1].enheter = vec!["enheter/hjemmetjeneste".into()];

    // Bad input names the field.
    let mut wrong = content.clone();
    wrong.linjer[1].enheter = vec!["enheter/frivillig".into()];
    let refused = propose(&store, &before, wrong).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    let mut wrong = content.clone();
    wrong.linjer[0].fra = "2026-09-01".into();
    let refused = propose(&store, &before, wrong).await;
    assert_eq!(fields(refused), "vedtak.linjer[0].fra");

    let proposed = propose(&store, &before, content.clone()).await.unwrap();
    assert_eq!(proposed.linjer, before.linjer, "not yet");
    let refused = refusal(approve(&store, "a3", &proposed).await);
    assert_eq!(refused.nokler["regel"], "W4");
    let again = refusal(propose(&store, &proposed, content.clone()).await);
    assert_eq!(again.grunn, Feilgrunn::Konflikt);

    let amended = approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!(amended.versjon, 2);
    assert_eq!(amended.linjer, content.linjer);
    assert_eq!(amended.tilstand(), VedtakTilstand::Fattet, "to be told");
    assert_eq!(
        states(&orders(&store).await),
        [
            "1 rop STARTET",
            "2 bom AVSLUTTET",
            "2 hjemmetjeneste TILBUDT"
        ]
    );
    let orders = orders(&store).await;
    assert!((orders[0].maks_timer - 6.0).abs() < f64::EPSILON);
    assert_eq!(orders[1].alternativ, "Den nye enheten");
    let earlier = read(&store, &amended, 1).await.unwrap();
    assert_eq!(earlier.linjer, before.linjer);
    assert_eq!(earlier.versjon, 1);
    let none = refusal(read(&store, &amended, 3).await);
    assert_eq!(none.grunn, Feilgrunn::IkkeFunnet);
    assert!(
        events(&store, "bom")
            .await
            .contains(&"VedtakEndret".to_owned()),
        "who lost a line is told"
    );
    let told = tell(&store, &amended).await;
    assert_eq!(told.tilstand(), VedtakTilstand::Iverksatt);

    // Telling can be postponed, with a reason and to a day to come.
    let proposed = propose(&store, &told, content).await.unwrap();
    let amended = approve(&store, "b1", &proposed).await.unwrap();
    let postpone = |til: &str| UtsettUnderretningRequest {
        name: amended.name.clone(),
        request_id: request_id(),
        begrunnelse: "Personen er innlagt".into(),
        til: til.into(),
    };
    let request = postpone("2026-10-01");
    let today = kall!(store, hos(ENHET, "a1"), vedtak::rpc::utsett, request);
    assert_eq!(fields(today), "til");
    let request = postpone("2026-10-20");
    let put_off = kall!(store, hos(ENHET, "a1"), vedtak::rpc::utsett, request).unwrap();
    let put_off = put_off.vedtak.unwrap();
    assert_eq!(put_off.underretning_utsatt_til, "2026-10-20");
    let list = waiting(&store, ENHET).await;
    let post = list
        .iter()
        .find(|post| post.r#type() == Ventetype::Underretning);
    let due = Tid::try_from(post.unwrap().frist.unwrap()).unwrap();
    assert_eq!(due, at("2026-10-20T22:00:00Z"));
}

pub(crate) async fn with_end(store: &Store, end: &str) -> Vedtak {
    let application = ready(store).await;
    let mut content = with_lines(
        &application,
        vec![
            line(Tjenestetype::RopOppfolging, "rop"),
            line(Tjenestetype::Boveiledning, "bom"),
        ],
        "rop",
    );
    for line in &mut content.linjer {
        line.fra = "2026-10-01".into();
        line.til = end.into();
    }
    let drafted = draft(store, content).await;
    let sent = send(store, hos(ENHET, "a1"), &drafted).await;
    decide(store, hos(ENHET, "b1"), &sent).await.unwrap()
}

pub(crate) fn an_evaluation(fra: &str, til: &str) -> Evaluering {
    Evaluering {
        fra: fra.into(),
        til: til.into(),
        oppsummering: "Holder avtaler, men trenger mer tid".into(),
        anbefaling: Evalueringsanbefaling::Viderefores.into(),
        personens_syn: PersonensSyn::Enig.into(),
        ..Default::default()
    }
}

pub(crate) async fn complain(store: &Store, vedtak: &Vedtak, late: &str) -> Result<String, Error> {
    let request = RegistrerKlageRequest {
        parent: P.into(),
        request_id: request_id(),
        vedtak: vedtak.name.clone(),
        grunn: "For få timer".into(),
        forsinket_grunn: late.into(),
        innsender: "Kari, søster".into(),
        personens_onske: "Sagt til meg hjemme".into(),
        ..Default::default()
    };
    let receipt = kall!(store, hos("rop", "r1"), klage::rpc::registrer, request)?;
    let id = receipt.kvittering.unwrap().referanse;
    Ok(format!("{P}/klager/{id}"))
}

pub(crate) async fn klage_state(store: &Store, name: &str) -> KlageTilstand {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let request = HentKlageRequest { name: name.into() };
    let found = klage::rpc::hent(&mut tx, request).await.unwrap();
    found.klage.unwrap().tilstand()
}
