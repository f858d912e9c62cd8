//! Who has a case, and for how long, through the handlers and the store: the
//! unit that holds the application, the one that decides, and the one that
//! allocates a dwelling.

use std::{collections::BTreeSet, sync::Arc};

use samspor_chassis::{
    call::Call,
    domene::Dag,
    error::Error,
    store::Store,
    testing::{Database, START, TestCall, Tid, request_id},
};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn, klassifisering::Klasser};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, fattet, gjor_klar, hjemmel, hos, kall, klar, mottatt, name},
    forlopsprove::*,
    kartlegging, klage, oppdrag, proveark,
    rettsprove::facts,
    soknad, vedtak,
};

samspor_chassis::on_both_databases! {
    who_holds_the_application_has_the_case_while_another_decides,
    a_draft_is_for_a_unit_that_decides,
    a_hidden_case_is_handed_to_who_decides,
    a_right_to_a_dwelling_waits_with_who_allocates,
    an_objection_to_sharing_is_asked_at_each_decision,
    a_unit_delivers_a_service_by_one_vedtak,
    a_promise_that_broke_is_renewed,
    who_was_mapped_is_mapped_again_for_a_reason,
    what_an_answer_warns_of_waits_until_it_was_looked_into,
    what_is_set_anew_waits_since_then,
    what_staff_say_for_the_person_has_the_persons_word,
}

/// Those of these facts that hold, each by what stands before the id of the
/// record.
async fn held(store: &Store, of: &str) -> Vec<String> {
    let id = of.rsplit('/').next().unwrap();
    let open = facts(store).await;
    let own = open.keys().filter(|fact| fact.contains(id));
    own.map(|fact| fact.replace(id, "*")).collect()
}

async fn of_rop(store: &Store, application: &str) -> Vedtak {
    let lines = vec![line(Tjenestetype::RopOppfolging, "rop")];
    let mut content = with_lines(application, lines, "rop");
    content.ansvarlig_enhet = "enheter/rop".into();
    draft(store, content).await
}

/// Sarpsborg: the draft gives the unit that decides the application and its
/// mapping, and who holds the application answers for the case until the
/// vedtak on it is over.
///
/// Seen red: without the relations of the application in `sak`.
async fn who_holds_the_application_has_the_case_while_another_decides(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let drafted = of_rop(&store, &application).await;
    let given = [
        "myndighet_kartlegging/*",
        "myndighet_soknad/*",
        "sak/*",
        "sak/*/post",
    ];
    assert_eq!(held(&store, &drafted.name).await, given);
    let request = ForkastVedtakRequest {
        name: drafted.name.clone(),
        request_id: request_id(),
        etag: drafted.etag.clone(),
        begrunnelse: "Feil søknad".into(),
    };
    kall!(store, hos("rop", "r1"), vedtak::rpc::forkast, request).unwrap();
    assert_eq!(held(&store, &drafted.name).await, [""; 0]);

    let drafted = of_rop(&store, &application).await;
    let sent = send(&store, hos("rop", "r1"), &drafted).await;
    let decided = decide(&store, hos("rop", "r2"), &sent).await.unwrap();
    assert_eq!(
        soknad_state(&store, &application).await,
        SoknadTilstand::Vedtatt
    );
    let kept = ["sak/*/soknad", "sak/*/soknad/post"];
    let held_now = held(&store, &decided.name).await;
    for fact in given.iter().chain(&kept) {
        assert!(held_now.iter().any(|held| held == fact), "{fact}");
    }

    // To the end, and for as long as the end can be disputed.
    let request = ForeslaOpphorRequest {
        name: decided.name.clone(),
        request_id: request_id(),
        etag: decided.etag.clone(),
        begrunnelse: "Ikke lenger behov".into(),
        hjemmel: Some(hjemmel()),
        alternativ: "Kan søke på nytt".into(),
    };
    let by = hos("rop", "r1");
    let proposed = kall!(store, by, vedtak::rpc::foresla_opphor, request).unwrap();
    let request = OpphorVedtakRequest {
        name: decided.name.clone(),
        request_id: request_id(),
        varsel: "brev".into(),
        etag: proposed.vedtak.unwrap().etag,
    };
    kall!(store, hos("rop", "r2"), vedtak::rpc::opphor, request).unwrap();
    let left = held(&store, &decided.name).await;
    assert!(kept.iter().all(|fact| left.iter().any(|left| left == fact)));
    let told = read(&store, &decided, 0).await.unwrap();
    let last: Dag = told.klagefrist.parse().unwrap();
    database.clock().set(last.slutt());
    assert_eq!(held(&store, &decided.name).await, [""; 0]);
}

/// Seen red: without the check of the deciding unit.
async fn a_draft_is_for_a_unit_that_decides(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let lines = vec![line(Tjenestetype::Boveiledning, "bom")];
    let mut content = with_lines(&application, lines, "bom");
    content.ansvarlig_enhet = "enheter/bom".into();
    let request = OpprettVedtakRequest {
        parent: P.into(),
        request_id: request_id(),
        vedtak: Some(content),
    };
    let refused = kall!(store, hos(ENHET, "a1"), vedtak::rpc::opprett, request);
    let refused = refusal(refused);
    assert_eq!(refused.felt[0].felt, "vedtak.ansvarlig_enhet");
    let known = &refused.felt[0].nokler["gyldige"];
    assert_eq!(
        known,
        "enheter/bestillerkontor, enheter/rop, enheter/hjemmetjeneste"
    );
}

/// An intake for a person whom bestillerkontor may not see is with a unit that
/// does, which decides nothing. It drafts for one that does, where the person
/// is hidden from all but the employees with a mandate.
///
/// Seen red: with bestillerkontor alone drafting.
async fn a_hidden_case_is_handed_to_who_decides(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Et trygt sted".into(),
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    let intake = TestCall::new("nav").ansatt("n1").with(|permit| {
        permit.mandaterte = vec!["bom".into()];
        permit.utforere = vec!["bom".into(), "rop".into()];
    });
    kall!(store, intake.build(), soknad::rpc::motta, request).unwrap();
    let application = name(&store, "soknader", "SELECT id FROM soknad").await;
    let request = StartKartleggingRequest {
        name: application.clone(),
        request_id: request_id(),
        ..Default::default()
    };
    kall!(store, hos("bom", "m1"), soknad::rpc::start, request).unwrap();
    let request = gjor_klar(&application);
    kall!(store, hos("bom", "m1"), soknad::rpc::gjor_klar, request).unwrap();

    let make = async |by: &str, unit: &str| {
        let lines = vec![line(Tjenestetype::Boveiledning, "bom")];
        let mut content = with_lines(&application, lines, "bom");
        content.ansvarlig_enhet = unit.into();
        let request = OpprettVedtakRequest {
            parent: P.into(),
            request_id: request_id(),
            vedtak: Some(content),
        };
        kall!(store, hos(by, "m1"), vedtak::rpc::opprett, request)
    };
    // Its own it is not to decide, and the case is not another's to hand out.
    assert_eq!(fields(make("bom", "").await), "vedtak.ansvarlig_enhet");
    let other = refusal(make(ENHET, "").await);
    assert_eq!(other.grunn, Feilgrunn::IkkeFunnet);
    let drafted = make("bom", "enheter/bestillerkontor").await.unwrap();
    let drafted = drafted.vedtak.unwrap();
    assert!(
        held(&store, &drafted.name)
            .await
            .contains(&"sak/*".to_owned())
    );
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    assert_eq!(decided.ansvarlig_enhet, "enheter/bestillerkontor");
    let kept = "sak/*/soknad".to_owned();
    assert!(held(&store, &decided.name).await.contains(&kept));
    let heard = events(&store, "bom").await;
    assert!(heard.contains(&"VedtakFattet".to_owned()), "{heard:?}");
}

/// K3: a right to a dwelling is a clock of who allocates, until the line ends.
///
/// Seen red: without `frist_for_bolig` in `fatt`.
async fn a_right_to_a_dwelling_waits_with_who_allocates(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let waits = async |unit: &str| {
        let list = waiting(&store, unit).await.into_iter();
        let mut own = list.filter(|post| post.r#type() == Ventetype::Bolig);
        own.next().map(|post| {
            assert_eq!(post.venter_pa, "enheter/boligkontor");
            assert_eq!(post.post, decided.name);
            Dag::av(Tid::try_from(post.frist.unwrap()).unwrap()).to_string()
        })
    };
    // Three months from the first day of the right, 2027-02-01, which is a
    // Saturday: until the working day after it is over.
    let due = waits("boligkontor").await;
    assert_eq!(due.as_deref(), Some("2027-05-04"));
    assert_eq!(waits(ENHET).await, due);
    assert!(
        held(&store, &decided.name)
            .await
            .contains(&"tildeling/*/boligkontor".to_owned())
    );

    // There is none yet, and then there is: the unit that allocates says so.
    let say = async |unit: &str, tildelt: &str, utsatt_til: &str, why: &str| {
        let request = MeldBoligRequest {
            name: decided.name.clone(),
            request_id: request_id(),
            tildelt: tildelt.into(),
            utsatt_til: utsatt_til.into(),
            begrunnelse: why.into(),
        };
        kall!(store, hos(unit, "x1"), vedtak::bolig::meld_bolig, request)
    };
    for (tildelt, utsatt_til, why, field) in [
        ("", "", "", "tildelt"),
        ("2026-10-01", "2026-11-01", "Ingen ledig", "utsatt_til"),
        ("2026-10-02", "", "", "tildelt"),
        ("", "2026-10-01", "Ingen ledig", "utsatt_til"),
        ("", "2027-01-02", "Ingen ledig", "utsatt_til"),
        ("", "2026-11-01", "", "begrunnelse"),
    ] {
        let refused = say("boligkontor", tildelt, utsatt_til, why).await;
        assert_eq!(fields(refused), field, "{tildelt} {utsatt_til}");
    }
    let other = refusal(say(ENHET, "2026-10-01", "", "").await);
    assert_eq!(other.grunn, Feilgrunn::IkkeFunnet);
    say("boligkontor", "", "2026-11-01", "Ingen ledig")
        .await
        .unwrap();
    assert_eq!(waits("boligkontor").await.as_deref(), Some("2026-11-02"));
    let has_one = async || {
        let now = read(&store, &decided, 0).await.unwrap();
        now.boligmeldinger
            .iter()
            .map(|said| said.tildelt.clone())
            .collect::<Vec<_>>()
    };
    say("boligkontor", "2026-10-01", "", "").await.unwrap();
    assert_eq!(
        (waits("boligkontor").await, waits(ENHET).await),
        (None, None)
    );
    assert_eq!(has_one().await, ["", "2026-10-01"]);
    let again = refusal(say("boligkontor", "2026-10-01", "", "").await);
    assert_eq!(again.nokler["tilstand"], "INGEN_BOLIG_VENTER");

    // What is amended beside it starts no clock; another right does.
    let due = None;
    let decided_now = read(&store, &decided, 0).await.unwrap();
    let mut content = decided_now.clone();
    content.begrunnelse = "Nytt".into();
    let changed = propose(&store, &decided_now, content).await.unwrap();
    let changed = approve(&store, "b1", &changed).await.unwrap();
    assert_eq!(waits("boligkontor").await, due);
    let mut content = changed.clone();
    content.bolig.as_mut().unwrap().rett = Boligrett::Bofellesskap.into();
    let changed = propose(&store, &changed, content).await.unwrap();
    let changed = approve(&store, "b1", &changed).await.unwrap();
    assert!(waits("boligkontor").await.is_some());
    let mut content = changed.clone();
    content.bolig = None;
    let silent = EndreVedtakRequest {
        name: changed.name.clone(),
        request_id: request_id(),
        etag: changed.etag.clone(),
        vedtak: Some(content.clone()),
        begrunnelse: "Nytt behov".into(),
        ..EndreVedtakRequest::default()
    };
    let silent = kall!(store, hos(ENHET, "a3"), vedtak::rpc::endre, silent);
    assert_eq!(refusal(silent).felt[0].felt, "linjeslutt");
    let changed = propose(&store, &changed, content).await.unwrap();
    approve(&store, "b1", &changed).await.unwrap();
    assert_eq!(waits("boligkontor").await, None);
    let left = held(&store, &decided.name).await;
    assert!(!left.iter().any(|fact| fact.starts_with("tildeling")));
}

/// An employee of a unit, for a person who objects to sharing with units.
fn objected(ansatt: &str, units: &[&str]) -> Arc<Call> {
    let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
    TestCall::new(ENHET)
        .ansatt(ansatt)
        .with(|permit| {
            permit.funksjoner = proveark::alle_funksjoner();
            permit.utforere = ["rop", "bom", "hjemmetjeneste"].map(str::to_owned).into();
            permit.besluttere = proveark::besluttere();
            permit.boligtildelere = proveark::boligtildelere();
            permit.klasser = Klasser::alle().iter().map(Into::into).collect();
            permit.reservert_mot = units;
        })
        .build()
}

/// What the person holds against a unit with koordinering counts as what is
/// said on the application.
///
/// Seen red: without `deling` in `ikke_nektet`.
async fn an_objection_to_sharing_is_asked_at_each_decision(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (_, drafted) = klar(&store).await;
    let ask = |of: &Vedtak| SendTilGodkjenningRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
    };
    let by = objected("a1", &["bom", "boligkontor"]);
    let refused = refusal(kall!(store, by, vedtak::rpc::send, ask(&drafted)));
    let named: Vec<&str> = refused.felt.iter().map(|f| f.felt.as_str()).collect();
    assert_eq!(named, ["vedtak.linjer[1].enheter[0]", "vedtak.bolig.enhet"]);
    let said = &refused.felt[0].nokler;
    assert!(said.values().any(|text| text.contains("OpphevReservasjon")));
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    let refused = decide(&store, objected("b1", &["rop"]), &sent).await;
    assert_eq!(
        fields(refused),
        "vedtak.linjer[0].enheter[0] vedtak.hovedansvarlig"
    );
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    let mut content = decided.clone();
    content.parter = vec!["enheter/hjemmetjeneste".into()];
    let request = EndreVedtakRequest {
        name: decided.name.clone(),
        request_id: request_id(),
        etag: decided.etag.clone(),
        vedtak: Some(content),
        begrunnelse: "Flere med".into(),
        ..Default::default()
    };
    let by = objected("a3", &["hjemmetjeneste"]);
    let refused = kall!(store, by, vedtak::rpc::endre, request);
    assert_eq!(fields(refused), "vedtak.parter[0]");
    let request = BestillKortvarigTjenesteRequest {
        parent: P.into(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".into(),
        r#type: Tjenestetype::Hjemmesykepleie.into(),
        min_timer: 1.0,
        maks_timer: 2.0,
        fra: "2026-10-02".into(),
        til: "2026-10-05".into(),
        mal: "Sårstell".into(),
        hjemmel: Some(hjemmel()),
        ..Default::default()
    };
    let by = objected("a1", &["hjemmetjeneste"]);
    let refused = kall!(store, by, oppdrag::rpc::bestill_kortvarig, request);
    assert_eq!(fields(refused), "enhet");
}

/// Another application of the person, ready.
async fn ready_again(store: &Store, bygger_pa: &str) -> String {
    let application = applied_again(store).await;
    start(store, &application, bygger_pa, "").await.unwrap();
    let request = gjor_klar(&application);
    kall!(store, hos(ENHET, "a1"), soknad::rpc::gjor_klar, request).unwrap();
    application
}

async fn applied_again(store: &Store) -> String {
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Mer hjelp".into(),
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let sql = "SELECT id FROM soknad WHERE tilstand = 'MOTTATT'";
    name(store, "soknader", sql).await
}

async fn start(
    store: &Store,
    application: &str,
    bygger_pa: &str,
    ny_begrunnelse: &str,
) -> Result<StartKartleggingResponse, Error> {
    let request = StartKartleggingRequest {
        name: application.into(),
        request_id: request_id(),
        bygger_pa: bygger_pa.into(),
        ny_begrunnelse: ny_begrunnelse.into(),
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::start, request)
}

/// The same service of the same unit is in force once, whichever vedtak has it.
///
/// Seen red: without `krev_ikke_dobbelt` in `send`.
async fn a_unit_delivers_a_service_by_one_vedtak(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let first = Box::pin(with_end(&store, "2027-06-30")).await;
    let mapping = first.kartlegging.clone();
    let application = ready_again(&store, &mapping).await;
    let mut lines = vec![line(Tjenestetype::RopOppfolging, "rop")];
    let drafted = draft(&store, with_lines(&application, lines.clone(), "rop")).await;
    let request = SendTilGodkjenningRequest {
        name: drafted.name.clone(),
        request_id: request_id(),
        etag: drafted.etag.clone(),
    };
    let refused = refusal(kall!(store, hos(ENHET, "a1"), vedtak::rpc::send, request));
    assert_eq!(refused.felt[0].felt, "vedtak.linjer[0].enheter[0]");
    assert!(refused.felt[0].nokler["regel"].contains(&first.name));

    lines[0].fra = "2027-07-01".into();
    let request = OppdaterVedtakRequest {
        name: drafted.name.clone(),
        request_id: request_id(),
        etag: drafted.etag.clone(),
        vedtak: Some(with_lines(&application, lines, "rop")),
    };
    let changed = kall!(store, hos(ENHET, "a1"), vedtak::rpc::oppdater, request).unwrap();
    let sent = send(&store, hos(ENHET, "a1"), &changed.vedtak.unwrap()).await;
    let renewed = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();

    // Nor by an amendment.
    let mut content = renewed.clone();
    content.linjer[0].fra = "2027-06-30".into();
    let refused = propose(&store, &renewed, content).await;
    assert_eq!(fields(refused), "vedtak.linjer[0].enheter[0]");
}

/// Seen red: with any number of answers.
async fn a_promise_that_broke_is_renewed(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = mottatt(&store).await;
    let answer = async |day: &str| {
        let request = GiForelopigSvarRequest {
            name: application.clone(),
            request_id: request_id(),
            begrunnelse: "Venter på fastlegen".into(),
            ventet_avgjort: day.into(),
        };
        let by = hos(ENHET, "a1");
        kall!(store, by, soknad::rpc::gi_forelopig_svar, request)
    };
    assert_eq!(fields(answer("2027-04-02").await), "ventet_avgjort");
    answer("2026-11-02").await.unwrap();
    let again = refusal(answer("2026-12-01").await);
    assert_eq!(again.grunn, Feilgrunn::Konflikt);
    database.clock().set(at("2026-11-02T23:00:00Z"));
    tick(&store).await;
    let broken = ["VENTET_AVGJORT!"];
    assert_eq!(kinds(&waiting(&store, ENHET).await), broken);
    let told = answer("2026-12-01").await.unwrap().soknad.unwrap();
    assert_eq!(told.ventet_avgjort, "2026-12-01");
    let before = &told.tidligere_svar[0];
    assert_eq!(before.ventet_avgjort, "2026-11-02");
    assert_eq!(before.gitt, Some(START.into()));
    let list = waiting(&store, ENHET).await;
    assert_eq!(kinds(&list), ["VENTET_AVGJORT"]);
}

/// S1: mapped once.
///
/// Seen red: without `krev_grunnlag`.
async fn who_was_mapped_is_mapped_again_for_a_reason(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let again = applied_again(&store).await;
    let refused = refusal(start(&store, &again, "", "").await);
    assert_eq!(refused.felt[0].felt, "bygger_pa");
    let said = refused.felt[0].nokler.values();
    assert!(
        said.into_iter()
            .any(|text| text.contains(&decided.kartlegging))
    );
    let both = start(&store, &again, &decided.kartlegging, "Alt er nytt").await;
    assert_eq!(fields(both), "ny_begrunnelse");
    let begun = start(&store, &again, "", "Alt er nytt").await.unwrap();
    let request = HentKartleggingRequest {
        name: begun.soknad.unwrap().kartlegging,
        utgave: 0,
    };
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let found = kartlegging::rpc::hent(&mut tx, request).await.unwrap();
    let found = found.kartlegging.unwrap();
    assert_eq!(
        (&*found.bygger_pa, &*found.ny_begrunnelse),
        ("", "Alt er nytt")
    );
}

/// R8: thoughts of death are looked into on the day they are told, and nothing
/// but saying what was seen stops that clock: not to complete the mapping, to
/// dismiss the application, nor that the person takes it back.
///
/// Seen red: with a warning that sets no clock; without `krev_kvittert`; with
/// the check in `henlegg` taken out; with the relation that ends at once.
async fn what_an_answer_warns_of_waits_until_it_was_looked_into(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = mottatt(&store).await;
    start(&store, &application, "", "").await.unwrap();
    let mapping = name(&store, "kartlegginger", "SELECT id FROM kartlegging").await;
    let answer = async |last: i32| {
        let mut svar = vec![1; 9];
        svar[8] = last;
        let request = RegistrerInstrumentRequest {
            name: mapping.clone(),
            request_id: request_id(),
            instrument: "instrumenter/phq9".into(),
            svar,
            innhenting: Some(Innhenting {
                spurt: Some(START.into()),
                form: Innhentingsform::Muntlig.into(),
                samtykke: format!("{P}/samtykker/{}", &P["personer/".len()..]),
                ..Default::default()
            }),
            ..Default::default()
        };
        let by = hos(ENHET, "a1");
        kall!(store, by, kartlegging::rpc::registrer_instrument, request).unwrap();
    };
    let warned = async || {
        let list = waiting(&store, ENHET).await.into_iter();
        let mut own = list.filter(|post| post.r#type() == Ventetype::Varsel);
        own.next()
            .map(|post| Tid::try_from(post.frist.unwrap()).unwrap())
    };
    answer(0).await;
    assert_eq!(warned().await, None);
    answer(2).await;
    assert_eq!(warned().await, Some(Dag::av(START).slutt()));
    let heard = events(&store, ENHET).await;
    assert!(heard.contains(&"KartleggingVarsel".to_owned()));
    // It was answered wrongly, and then right.
    answer(0).await;
    assert_eq!(warned().await, None);
    let look = async |vurdering: &str| {
        let request = KvitterVarselRequest {
            name: mapping.clone(),
            request_id: request_id(),
            vurdering: vurdering.into(),
            varslet: "Legevakt".into(),
        };
        let by = hos(ENHET, "a1");
        kall!(store, by, kartlegging::rpc::kvitter_varsel, request)
    };
    let nothing = refusal(look("Snakket med").await);
    assert_eq!(nothing.nokler["tilstand"], "INGEN_VARSEL");
    answer(1).await;
    assert!(warned().await.is_some());
    let ready = || gjor_klar(&application);
    let refused = kall!(store, hos(ENHET, "a1"), soknad::rpc::gjor_klar, ready());
    assert_eq!(fields(refused), "name");
    assert_eq!(fields(look(" ").await), "vurdering");
    let seen = look("Snakket med; har en plan").await.unwrap();
    let seen = seen.kartlegging.unwrap().varselkvitteringer;
    assert_eq!(seen[0].vurdering, "Snakket med; har en plan");
    assert_eq!(warned().await, None);
    // Another answer warns anew.
    database.clock().set(at("2026-10-01T12:00:00Z"));
    answer(3).await;
    assert!(warned().await.is_some());

    let request = ForeslaHenleggelseRequest {
        name: application.clone(),
        request_id: request_id(),
        arsak: Henleggelsesarsak::Flyttet.into(),
        begrunnelse: "Flyttet".into(),
        hjemmel: Some(hjemmel()),
    };
    let by = hos(ENHET, "a1");
    let proposed = kall!(store, by, soknad::rpc::foresla_henleggelse, request);
    let request = HenleggSoknadRequest {
        name: application.clone(),
        request_id: request_id(),
        etag: proposed.unwrap().soknad.unwrap().etag,
    };
    let dismissed = kall!(store, hos(ENHET, "b1"), soknad::rpc::henlegg, request);
    assert_eq!(fields(dismissed), "name");
    let request = TrekkSoknadRequest {
        name: application.clone(),
        request_id: request_id(),
        personens_onske: "Vil ikke mer".into(),
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::trekk, request).unwrap();
    assert!(warned().await.is_some());
    let ends: BTreeSet<Option<Tid>> = facts(&store).await.into_values().collect();
    assert_eq!(ends, [Some(at("2026-10-02T22:00:00Z"))].into());
    look("Ringt, er trygg").await.unwrap();
    assert_eq!(warned().await, None);
}

/// Seen red: with the first instant kept.
async fn what_is_set_anew_waits_since_then(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let since = async || {
        let list = waiting(&store, ENHET).await.into_iter();
        let mut own = list.filter(|post| post.r#type() == Ventetype::Underretning);
        Tid::try_from(own.next().unwrap().siden.unwrap()).unwrap()
    };
    let postpone = async |til: &str| {
        let request = UtsettUnderretningRequest {
            name: decided.name.clone(),
            request_id: request_id(),
            til: til.into(),
            begrunnelse: "Innlagt".into(),
        };
        kall!(store, hos(ENHET, "a1"), vedtak::rpc::utsett, request)
    };
    assert_eq!(since().await, START);
    // A month at a time, and no longer.
    assert_eq!(fields(postpone("2026-11-02").await), "til");
    let later = at("2026-10-02T08:00:00Z");
    database.clock().set(later);
    postpone("2026-10-10").await.unwrap();
    assert_eq!(since().await, later);
    database.clock().set(at("2026-10-10T22:00:00Z"));
    tick(&store).await;
    postpone("2026-10-20").await.unwrap();
    assert_eq!(since().await, later, "it was broken");
}

/// W6: staff register and withdraw on the person's word, and never withdraw a
/// klage over what they decided. Who represents the person is not the person.
///
/// Seen red: without the deciders in `trekk`.
async fn what_staff_say_for_the_person_has_the_persons_word(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let told = tell(&store, &decided).await;
    let complaint = |said: &str, innsender: &str| RegistrerKlageRequest {
        parent: P.into(),
        request_id: request_id(),
        vedtak: told.name.clone(),
        grunn: "For få timer".into(),
        personens_onske: said.into(),
        innsender: innsender.into(),
        ..Default::default()
    };
    let silent = complaint("", "");
    let refused = kall!(store, hos("rop", "r1"), klage::rpc::registrer, silent);
    assert_eq!(fields(refused), "personens_onske");
    let sister = TestCall::new("").innbygger("00000000-0000-4000-8000-0000000000aa");
    let filed = complaint("", "Kari, søster");
    let receipt = kall!(store, sister.build(), klage::rpc::registrer, filed).unwrap();
    let name = format!("{P}/klager/{}", receipt.kvittering.unwrap().referanse);
    let found = async || {
        let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
        let request = HentKlageRequest { name: name.clone() };
        let found = klage::rpc::hent(&mut tx, request).await.unwrap();
        found.klage.unwrap()
    };
    assert!(found().await.pa_vegne_av);

    let withdraw = async |by: &str, said: &str| {
        let request = TrekkKlageRequest {
            name: name.clone(),
            request_id: request_id(),
            personens_onske: said.into(),
        };
        kall!(store, hos(ENHET, by), klage::rpc::trekk, request)
    };
    assert_eq!(fields(withdraw("a1", "").await), "personens_onske");
    let own = refusal(withdraw("b1", "Sagt til meg").await);
    assert_eq!(own.nokler["regel"], "W4");
    withdraw("a1", "Ringte og sa det").await.unwrap();
    let withdrawn = found().await;
    assert_eq!(withdrawn.trukket_onske, "Ringte og sa det");
    assert_eq!(withdrawn.tilstand(), KlageTilstand::Trukket);
}
