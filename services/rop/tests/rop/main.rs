//! The service through its real port: every call carries an attestation that
//! the test signs, as the gateway would. On SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod arbeidsliste;
mod benk;
mod dekning;
mod foresporsler;
mod historie;
mod kontakter;
mod leveranser;
mod omgjort;
mod oppfolging;
mod planer;
mod rettelser;
mod tall;

use std::time::Duration;

use benk::{Benk, Hvem, navn, until};
use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    felles::{Feilgrunn, Hjemmel, Rolle},
    rop::{
        AvsluttBehandlerRequest, HentAapentNotatRequest, HentBegrensetNotatRequest,
        HentGjeldendeRisikovurderingRequest, HentKontaktRequest, HentKriseplanRequest,
        HentRisikovurderingRequest, Kontakt, Kontakttype, Kontaktutfall, KvitterOppgaveRequest,
        ListAapneNotaterRequest, ListBegrensedeNotaterRequest, ListBehandlereRequest,
        ListKontakterRequest, ListKriseplanerRequest, ListOppgaverRequest,
        ListRisikovurderingerRequest, Oppgave, Oppgavetype, RegistrerKontaktRequest,
        RegistrerRisikovurderingRequest, Risikokilde, Risikoniva, Risikotiltak,
        SkrivAapentNotatRequest, SkrivBegrensetNotatRequest, SkrivKriseplanRequest,
        TildelBehandlerRequest,
    },
};

samspor_chassis::on_both_databases! {
    declined_is_offered_again,
    three_missed_contacts_ask_for_outreach_once,
    a_note_is_corrected_by_another_and_never_changed,
    a_newer_assessment_replaces_the_older_until_it_expires,
    a_plan_has_versions,
    the_fact_of_treatment_lasts_as_long_as_the_relation,
    oppdrag_of_others_come_to_the_inbox,
    every_write_needs_its_basis_and_a_caller_with_a_unit,
    another_unit_changes_nothing_here,
    a_leader_or_another_clinician_assigns_who_treats,
    a_repeat_is_answered_and_done_once,
}

const P: &str = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
const OTHER: &str = "personer/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
const DAY: Duration = Duration::from_hours(24);

fn hjemmel() -> Hjemmel {
    Hjemmel {
        lov: "helse- og omsorgstjenesteloven".into(),
        paragraf: "§ 3-2".into(),
    }
}

/// A write about the person of the tests.
macro_rules! om {
    ($request:ident { $($field:tt)* }) => {
        $request {
            parent: P.into(),
            request_id: request_id(),
            hjemmel: Some(hjemmel()),
            $($field)*
        }
    };
}

/// Everything of a kind about the person of the tests.
macro_rules! alle {
    ($request:ident) => {
        $request {
            parent: P.into(),
            ..Default::default()
        }
    };
}

fn kontakt(utfall: Kontaktutfall) -> RegistrerKontaktRequest {
    let nytt_tilbud = match utfall {
        Kontaktutfall::TakketNei => "2026-10-08".into(),
        _ => String::new(),
    };
    om!(RegistrerKontaktRequest {
        r#type: Kontakttype::Besok.into(),
        utfall: utfall.into(),
        nytt_tilbud,
        ..Default::default()
    })
}

fn aapent() -> SkrivAapentNotatRequest {
    om!(SkrivAapentNotatRequest {
        tema: "Uke 40".into(),
        tekst: "Roligere".into(),
        ..Default::default()
    })
}

fn begrenset() -> SkrivBegrensetNotatRequest {
    om!(SkrivBegrensetNotatRequest {
        tema: "Samtale".into(),
        tekst: "Om barndommen".into(),
        ..Default::default()
    })
}

fn risiko(benk: &Benk) -> RegistrerRisikovurderingRequest {
    om!(RegistrerRisikovurderingRequest {
        niva: Risikoniva::Rod.into(),
        tiltak: vec![Risikotiltak::ToAnsatte.into()],
        kilde: Risikokilde::EgenErfaring.into(),
        grunnlag: "Truet ansatt".into(),
        utloper: Some(benk.clock.now().plus(DAY * 90).into()),
        ..Default::default()
    })
}

fn plan(erstatter: &str) -> SkrivKriseplanRequest {
    om!(SkrivKriseplanRequest {
        varseltegn: "Sover ikke".into(),
        hjelper: "Ro og te".into(),
        erstatter: erstatter.into(),
        ..Default::default()
    })
}

fn tildel(ansatt: &str) -> TildelBehandlerRequest {
    om!(TildelBehandlerRequest {
        ansatt: ansatt.into(),
    })
}

fn kvitter(name: &str) -> KvitterOppgaveRequest {
    KvitterOppgaveRequest {
        name: name.into(),
        request_id: request_id(),
    }
}

/// The same record under another person.
fn hos_annen(name: &str) -> String {
    assert!(name.starts_with(P), "{name}");
    name.replace(P, OTHER)
}

async fn registrer(benk: &Benk, utfall: Kontaktutfall) -> Kontakt {
    benk.ok(kontakt(utfall)).await.kontakt.unwrap()
}

async fn innboks(benk: &Benk, enhet: &str, type_: Oppgavetype) -> Vec<Oppgave> {
    let request = ListOppgaverRequest {
        parent: format!("enheter/{enhet}"),
        r#type: type_.into(),
        ..Default::default()
    };
    benk.ok(request).await.oppgaver
}

async fn declined_is_offered_again(database: Database) {
    let benk = Benk::start(&database).await;
    let mut without_day = kontakt(Kontaktutfall::TakketNei);
    without_day.nytt_tilbud.clear();
    let refusal = benk.avslag(without_day).await;
    assert_eq!(
        refusal.felt,
        [("nytt_tilbud".into(), Feilgrunn::FeltMangler)]
    );

    let declined = registrer(&benk, Kontaktutfall::TakketNei).await;
    assert_eq!(declined.nytt_tilbud, "2026-10-08");
    assert_eq!(declined.ansvarlig_enhet, "enheter/rop");
    let name = declined.name.clone();
    let read = benk.ok(HentKontaktRequest { name: name.clone() }).await;
    assert_eq!(read.kontakt, Some(declined));
    let name = hos_annen(&name);
    let refusal = benk.avslag(HentKontaktRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);

    // Something is delivered and the person is known: no other clock runs.
    oppfolging::sendt(&benk).await;
    benk.ok(foresporsler::tiltak("")).await;
    // The day comes, and goes, without a new offer.
    for (days, told) in [(7, "FristNaer"), (1, "FristBrutt")] {
        assert!(!benk.hendelser("rop").await.contains(&told.to_owned()));
        benk.clock.advance(DAY * days);
        until(|| async { benk.hendelser("rop").await.contains(&told.to_owned()) }).await;
    }
}

async fn three_missed_contacts_ask_for_outreach_once(database: Database) {
    let benk = Benk::start(&database).await;
    let outreach = || innboks(&benk, "rop", Oppgavetype::Oppsokende);
    for utfall in [
        Kontaktutfall::IkkeMott,
        Kontaktutfall::IkkeMott,
        Kontaktutfall::Mott,
        Kontaktutfall::IkkeMott,
        Kontaktutfall::IkkeMott,
    ] {
        registrer(&benk, utfall).await;
        assert!(outreach().await.is_empty());
    }
    let third = registrer(&benk, Kontaktutfall::IkkeMott).await;
    let tasks = outreach().await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].post, third.name);
    registrer(&benk, Kontaktutfall::IkkeMott).await;
    assert_eq!(outreach().await, tasks, "somebody is asked already");

    let name = &tasks[0].name;
    let refusal = benk.avslag(kvitter(&hos_annen(name))).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
    let elsewhere = benk.kall(&Hvem::enhet("bom"), kvitter(name)).await;
    assert_eq!(elsewhere.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let receipt = benk.ok(kvitter(name)).await.kvittering.unwrap();
    assert!(name.ends_with(&receipt.referanse));
    let taken = outreach().await;
    assert_eq!(
        taken[0].kvittert_av.as_ref().unwrap().ansatt,
        "r1",
        "until it is done"
    );
    let again = benk.avslag(kvitter(name)).await;
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(again.nokler["tilstand"], "KVITTERT");
    registrer(&benk, Kontaktutfall::IkkeMott).await;
    assert_eq!(outreach().await, taken, "somebody is at it");
    registrer(&benk, Kontaktutfall::Mott).await;
    assert!(outreach().await.is_empty());
    let all = benk.ok(alle!(ListKontakterRequest)).await;
    assert_eq!(all.kontakter.len(), 9);
}

async fn a_note_is_corrected_by_another_and_never_changed(database: Database) {
    let benk = Benk::start(&database).await;
    let first = benk.ok(aapent()).await.notat.unwrap();
    let mut correction = aapent();
    correction.retter.clone_from(&first.name);
    correction.rettelse_begrunnelse = "skrevet på feil uke".into();
    correction.tekst = "Uroligere".into();
    let second = benk.ok(correction.clone()).await.notat.unwrap();
    assert_eq!(second.retter, first.name);
    let name = first.name.clone();
    let read = benk.ok(HentAapentNotatRequest { name }).await;
    let mut first = first;
    assert_eq!(first.rettet_av, "");
    first.rettet_av.clone_from(&second.name);
    assert_eq!(read.notat.as_ref(), Some(&first), "it stands as written");
    correction.request_id = request_id();
    correction.retter = format!("{P}/aapne_notater/{}", request_id());
    let refusal = benk.avslag(correction).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);

    let told = benk.hendelser("rop").await;
    let closed = benk.ok(begrenset()).await.notat.unwrap();
    let mut correction = begrenset();
    correction.retter.clone_from(&first.name);
    correction.rettelse_begrunnelse = "feil".into();
    let refusal = benk.avslag(correction.clone()).await;
    assert_eq!(refusal.felt, [("retter".into(), Feilgrunn::FeltForm)]);
    correction.request_id = request_id();
    correction.retter.clone_from(&closed.name);
    let corrected = benk.ok(correction).await.notat.unwrap();
    assert_eq!(benk.hendelser("rop").await, told, "nothing tells of them");

    let open = benk.ok(alle!(ListAapneNotaterRequest)).await;
    assert_eq!(open.notater, [second, first.clone()]);
    let mut closed = closed;
    closed.rettet_av.clone_from(&corrected.name);
    let restricted = benk.ok(alle!(ListBegrensedeNotaterRequest)).await;
    assert_eq!(restricted.notater, [corrected, closed.clone()]);
    let name = hos_annen(&first.name);
    let refusal = benk.avslag(HentAapentNotatRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
    let name = hos_annen(&closed.name);
    let refusal = benk.avslag(HentBegrensetNotatRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
    // The id of an open note does not open the restricted ones.
    let name = first.name.replace("aapne_notater", "begrensede_notater");
    let refusal = benk.avslag(HentBegrensetNotatRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
}

async fn a_newer_assessment_replaces_the_older_until_it_expires(database: Database) {
    let benk = Benk::start(&database).await;
    let current = || HentGjeldendeRisikovurderingRequest { parent: P.into() };
    assert_eq!(benk.avslag(current()).await.grunn, Feilgrunn::IkkeFunnet);
    let mut endless = risiko(&benk);
    endless.utloper = None;
    let refusal = benk.avslag(endless).await;
    assert_eq!(refusal.felt, [("utloper".into(), Feilgrunn::FeltMangler)]);

    let first = benk.ok(risiko(&benk)).await.risikovurdering.unwrap();
    benk.clock.advance(DAY);
    let second = benk.ok(risiko(&benk)).await.risikovurdering.unwrap();
    assert_eq!(second.erstatter, first.name);
    let read = benk.ok(current()).await.risikovurdering;
    assert_eq!(read.as_ref(), Some(&second));
    let name = first.name.clone();
    let replaced = benk.ok(HentRisikovurderingRequest { name }).await;
    let replaced = replaced.risikovurdering.unwrap();
    assert!(first.gjeldende && !replaced.gjeldende);
    assert_eq!(replaced.utloper, second.vurdert);

    benk.clock.advance(DAY * 90);
    assert_eq!(benk.avslag(current()).await.grunn, Feilgrunn::IkkeFunnet);
    let all = benk.ok(alle!(ListRisikovurderingerRequest)).await;
    let all = all.risikovurderinger;
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| !one.gjeldende));
    let name = hos_annen(&second.name);
    let refusal = benk.avslag(HentRisikovurderingRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
}

async fn a_plan_has_versions(database: Database) {
    let benk = Benk::start(&database).await;
    let first = benk.ok(plan("")).await.kriseplan.unwrap();
    assert!(first.versjon == 1 && first.gjeldende);
    for unread in ["", &format!("{P}/kriseplaner/{}", request_id())] {
        let refusal = benk.avslag(plan(unread)).await;
        assert_eq!(refusal.grunn, Feilgrunn::UtdatertEtag);
    }
    let second = benk.ok(plan(&first.name)).await.kriseplan.unwrap();
    assert!(second.versjon == 2 && second.gjeldende);
    assert_eq!(second.erstatter, first.name);
    let name = first.name.clone();
    let read = benk.ok(HentKriseplanRequest { name }).await;
    assert!(!read.kriseplan.unwrap().gjeldende);
    let all = benk.ok(alle!(ListKriseplanerRequest)).await.kriseplaner;
    assert_eq!(navn(&all, |plan| &plan.name), [&second.name, &first.name]);
    let name = hos_annen(&second.name);
    let refusal = benk.avslag(HentKriseplanRequest { name }).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
}

async fn the_fact_of_treatment_lasts_as_long_as_the_relation(database: Database) {
    let benk = Benk::start(&database).await;
    oppfolging::sendt(&benk).await;
    let relation = benk.ok(tildel("t7")).await.behandlerforhold.unwrap();
    assert_eq!(benk.behandlere(P).await, ["t7 by r1"]);
    assert_eq!(benk.behandlere(OTHER).await, [""; 0]);
    assert_eq!(benk.avslag(tildel("t7")).await.grunn, Feilgrunn::Konflikt);
    let avslutt = |name: String| AvsluttBehandlerRequest {
        name,
        request_id: request_id(),
        begrunnelse: "ny behandler".into(),
    };
    let refusal = benk.avslag(avslutt(hos_annen(&relation.name))).await;
    assert_eq!(refusal.grunn, Feilgrunn::IkkeFunnet);
    assert_eq!(benk.behandlere(P).await, ["t7 by r1"]);

    benk.clock.advance(DAY);
    let ended = benk.ok(avslutt(relation.name.clone())).await;
    let ended = ended.behandlerforhold.unwrap();
    assert_eq!(ended.til, Some(benk.clock.now().into()));
    assert_eq!(benk.behandlere(P).await, [""; 0]);
    let again = benk.avslag(avslutt(relation.name)).await;
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    benk.ok(tildel("t7")).await;
    let all = benk.ok(alle!(ListBehandlereRequest)).await;
    assert_eq!(all.behandlere.len(), 2);
}

async fn oppdrag_of_others_come_to_the_inbox(database: Database) {
    let oppdrag = |n: u8| format!("{P}/oppdrag/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b0{n}");
    let told = [
        ("OppdragTilbudt", oppdrag(1)),
        ("OppdragTilbudt", oppdrag(1)),
        ("OppdragTilbudt", oppdrag(2)),
        ("OppdragAvvist", oppdrag(2)),
        ("OppdragTilbudt", oppdrag(3)),
        ("OppdragAkseptert", oppdrag(3)),
        ("VedtakFattet", format!("{P}/vedtak/{}", request_id())),
    ];
    let benk = Benk::start_with(&database, &told).await;
    benk.har_lest(told.len()).await;
    let tasks = innboks(&benk, "rop", Oppgavetype::Unspecified).await;
    assert_eq!(navn(&tasks, |task| &task.post), [&oppdrag(1)]);
    assert_eq!(tasks[0].r#type(), Oppgavetype::OppdragTilbudt);
    benk.ok(kvitter(&tasks[0].name)).await;
    let tasks = innboks(&benk, "rop", Oppgavetype::Unspecified).await;
    assert_eq!(navn(&tasks, |task| &task.post), [&oppdrag(1)]);
    assert!(tasks[0].kvittert.is_some(), "taken, and not answered yet");
}

async fn every_write_needs_its_basis_and_a_caller_with_a_unit(database: Database) {
    let benk = Benk::start(&database).await;
    let citizen = Hvem::innbygger(P);
    macro_rules! held {
        ($($request:expr),+ $(,)?) => {$(
            let mut request = $request;
            let refusal = benk.kall(&citizen, request.clone()).await.unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
            request.hjemmel = None;
            let refusal = benk.avslag(request.clone()).await;
            assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel);
            assert_eq!(refusal.felt, [("hjemmel".into(), Feilgrunn::FeltMangler)]);
            request.hjemmel = Some(hjemmel());
            request.parent = "personer/kari".into();
            let refusal = benk.avslag(request).await;
            assert_eq!(refusal.felt, [("parent".into(), Feilgrunn::FeltForm)]);
        )+};
    }
    held!(
        kontakt(Kontaktutfall::Mott),
        aapent(),
        begrenset(),
        risiko(&benk),
        plan(""),
        tildel("t7"),
    );
    let mut elsewhere = Hvem::enhet("rop");
    elsewhere.mottaker = "bom";
    let refusal = benk.kall(&elsewhere, aapent()).await.unwrap_err();
    assert_eq!(refusal.grunn, Feilgrunn::ManglerAttestasjon);
    assert_eq!(benk.hendelser("rop").await, [""; 0]);
}

/// A relation to the person makes another unit no author: every write of the
/// service, one by one.
///
/// Seen red: with `for_enhet` that accepts every unit, and without asking it in
/// turn in each write, but for `KvitterOppgave`, whose rule asks once more.
async fn another_unit_changes_nothing_here(database: Database) {
    let benk = Benk::start(&database).await;
    oppfolging::sendt(&benk).await;
    let relation = benk.ok(tildel("t7")).await.behandlerforhold.unwrap();
    for _ in 0..3 {
        registrer(&benk, Kontaktutfall::IkkeMott).await;
    }
    let task = innboks(&benk, "rop", Oppgavetype::Oppsokende)
        .await
        .remove(0);
    let told = benk.hendelser("rop").await;
    let other = Hvem::enhet("nav");
    macro_rules! refused {
        ($($request:expr),+ $(,)?) => {$(
            let refusal = benk.kall(&other, $request).await.unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt, "{}", stringify!($request));
        )+};
    }
    refused!(
        kontakt(Kontaktutfall::Mott),
        aapent(),
        begrenset(),
        risiko(&benk),
        plan(""),
        tildel("t8"),
        AvsluttBehandlerRequest {
            name: relation.name.clone(),
            request_id: request_id(),
            begrunnelse: "x".into(),
        },
        kvitter(&task.name),
    );
    for refused in foresporsler::alle_endringer(&benk, &other).await {
        assert_eq!(refused, Feilgrunn::IkkeTillatt);
    }
    assert_eq!(benk.hendelser("rop").await, told);
    assert_eq!(benk.behandlere(P).await, ["t7 by r1"]);
}

/// Seen red: with any role; and without the comparison of employees.
async fn a_leader_or_another_clinician_assigns_who_treats(database: Database) {
    let benk = Benk::start(&database).await;
    let refused = [
        ("t7", Rolle::Behandler),
        ("t7", Rolle::Leder),
        ("m1", Rolle::Miljo),
        ("s1", Rolle::Saksbehandler),
    ];
    for (ansatt, rolle) in refused {
        let who = Hvem::ansatt("rop", ansatt, rolle);
        let refusal = benk.kall(&who, tildel("t7")).await.unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt, "{ansatt} {rolle:?}");
    }
    assert_eq!(benk.behandlere(P).await, [""; 0]);
    let leader = Hvem::ansatt("rop", "l1", Rolle::Leder);
    benk.kall(&leader, tildel("t7")).await.unwrap();
    let clinician = Hvem::ansatt("rop", "t7", Rolle::Behandler);
    let alone = benk.kall(&clinician, tildel("t8")).await.unwrap_err();
    assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt, "on one word alone");
    oppfolging::sendt(&benk).await;
    benk.kall(&clinician, tildel("t8")).await.unwrap();
    assert_eq!(benk.behandlere(P).await, ["t7 by l1", "t8 by t7"]);
}

async fn a_repeat_is_answered_and_done_once(database: Database) {
    let benk = Benk::start(&database).await;
    let mut request = kontakt(Kontaktutfall::Mott);
    let first = benk.ok(request.clone()).await;
    assert_eq!(benk.ok(request.clone()).await, first);
    request.sted = "Torget".into();
    let refusal = benk.avslag(request).await;
    assert_eq!(refusal.grunn, Feilgrunn::RequestIdGjenbrukt);
    assert_eq!(
        benk.hendelser("rop").await,
        ["OppfolgingApnet", "KontaktRegistrert"]
    );
}
