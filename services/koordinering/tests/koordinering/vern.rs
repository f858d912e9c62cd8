//! Address protection, sperring and inhabilitet.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{
    felles::{Feilgrunn, Hjemmel, Rolle},
    koordinering::{
        AvvisForslagOmVernRequest, AvvisForslagOmVernResponse, BekreftOpphevingAvVernRequest,
        BekreftOpphevingAvVernResponse, BekreftVernRequest, BekreftVernResponse,
        ForeslaOpphevingAvVernRequest, ForeslaOpphevingAvVernResponse, ForeslaVernRequest,
        ForeslaVernResponse, HentVernRequest, HentVernResponse, ListVernRequest, ListVernResponse,
        Vern, VernTilstand, Verntype,
    },
};

use crate::benk::{Avslag, Benk, Hvem};

samspor_chassis::on_both_databases! {
    two_persons_set_and_lift_it,
    each_kind_states_its_facts,
    a_proposal_is_rejected,
    a_step_out_of_order_names_the_state_and_what_is_allowed,
    no_open_need_loses_its_unit,
    one_address_protection_of_a_kind,
    a_protection_of_another_person_is_not_found,
}

fn request(parent: &str, kind: Verntype) -> ForeslaVernRequest {
    ForeslaVernRequest {
        parent: parent.into(),
        request_id: request_id(),
        r#type: kind.into(),
        hjemmel: Some(Hjemmel {
            lov: "folkeregisterloven".into(),
            paragraf: "§ 10-4".into(),
        }),
        begrunnelse: "alvorlige trusler".into(),
        ..ForeslaVernRequest::default()
    }
}

async fn foresla(benk: &Benk, who: &Hvem, request: ForeslaVernRequest) -> Result<Vern, Avslag> {
    let answer: ForeslaVernResponse = benk.call(who, "VernService/ForeslaVern", request).await?;
    Ok(answer.vern.unwrap())
}

async fn bekreft(benk: &Benk, who: &Hvem, vern: &Vern) -> Result<Vern, Avslag> {
    let request = BekreftVernRequest {
        name: vern.name.clone(),
        request_id: request_id(),
        etag: vern.etag.clone(),
    };
    let answer: BekreftVernResponse = benk.call(who, "VernService/BekreftVern", request).await?;
    Ok(answer.vern.unwrap())
}

async fn avvis(benk: &Benk, who: &Hvem, vern: &Vern) -> Result<Vern, Avslag> {
    let request = AvvisForslagOmVernRequest {
        name: vern.name.clone(),
        request_id: request_id(),
        etag: vern.etag.clone(),
    };
    let answer: AvvisForslagOmVernResponse = benk
        .call(who, "VernService/AvvisForslagOmVern", request)
        .await?;
    Ok(answer.vern.unwrap())
}

async fn foresla_oppheving(benk: &Benk, who: &Hvem, vern: &Vern) -> Result<Vern, Avslag> {
    let request = ForeslaOpphevingAvVernRequest {
        name: vern.name.clone(),
        request_id: request_id(),
        etag: vern.etag.clone(),
        begrunnelse: "faren er over".into(),
    };
    let answer: ForeslaOpphevingAvVernResponse = benk
        .call(who, "VernService/ForeslaOpphevingAvVern", request)
        .await?;
    Ok(answer.vern.unwrap())
}

async fn bekreft_oppheving(benk: &Benk, who: &Hvem, vern: &Vern) -> Result<Vern, Avslag> {
    let request = BekreftOpphevingAvVernRequest {
        name: vern.name.clone(),
        request_id: request_id(),
        etag: vern.etag.clone(),
    };
    let answer: BekreftOpphevingAvVernResponse = benk
        .call(who, "VernService/BekreftOpphevingAvVern", request)
        .await?;
    Ok(answer.vern.unwrap())
}

async fn hent(benk: &Benk, name: &str) -> Result<Vern, Avslag> {
    let request = HentVernRequest { name: name.into() };
    let answer: HentVernResponse = benk
        .call(&Hvem::leder(), "VernService/HentVern", request)
        .await?;
    Ok(answer.vern.unwrap())
}

async fn list(benk: &Benk, parent: &str, bare_gjeldende: bool) -> Vec<String> {
    let request = ListVernRequest {
        parent: parent.into(),
        bare_gjeldende,
        ..ListVernRequest::default()
    };
    let answer: ListVernResponse = benk
        .call(&Hvem::leder(), "VernService/ListVern", request)
        .await
        .unwrap();
    answer.vern.into_iter().map(|vern| vern.name).collect()
}

fn names(units: &[&str]) -> Vec<String> {
    units.iter().map(|unit| format!("enheter/{unit}")).collect()
}

/// Sets strengt fortrolig address, with mandates; ROP among them.
pub(crate) async fn strengt_fortrolig(benk: &Benk, person: &str, units: &[&str]) -> Vern {
    adressevern(
        benk,
        "rop",
        person,
        Verntype::StrengtFortroligAdresse,
        units,
    )
    .await
    .unwrap()
}

/// Sets an address protection that a unit answers for.
pub(crate) async fn adressevern(
    benk: &Benk,
    eier: &'static str,
    person: &str,
    kind: Verntype,
    units: &[&str],
) -> Result<Vern, Avslag> {
    let mut request = request(person, kind);
    request.mandaterte_enheter = names(units);
    let leader = Hvem::new(eier, "leder-1", Rolle::Leder);
    let decider = Hvem::new(eier, "beslutter-1", Rolle::Beslutter);
    let proposed = foresla(benk, &leader, request).await?;
    bekreft(benk, &decider, &proposed).await
}

/// Lifts a protection of ROP.
pub(crate) async fn opphev(benk: &Benk, vern: &Vern) {
    let lifting = foresla_oppheving(benk, &Hvem::leder(), vern).await.unwrap();
    bekreft_oppheving(benk, &Hvem::beslutter(), &lifting)
        .await
        .unwrap();
}

/// Disqualifies an employee.
pub(crate) async fn inhabil(benk: &Benk, person: &str, ansatt: &str) -> Vern {
    let mut request = request(person, Verntype::Inhabilitet);
    request.gjelder_ansatte = vec![ansatt.into()];
    let proposed = foresla(benk, &Hvem::leder(), request).await.unwrap();
    bekreft(benk, &Hvem::beslutter(), &proposed).await.unwrap()
}

async fn two_persons_set_and_lift_it(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let mut strict = request(&person, Verntype::StrengtFortroligAdresse);
    strict.mandaterte_enheter = names(&["rop", "nav"]);
    strict.mandaterte_ansatte = vec!["x1".into()];
    let by_decider = foresla(&benk, &Hvem::beslutter(), strict.clone()).await;
    assert_eq!(by_decider.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    strict.request_id = request_id();
    let proposed = foresla(&benk, &Hvem::leder(), strict).await.unwrap();
    assert_eq!(proposed.tilstand(), VernTilstand::Foreslatt);
    assert_eq!(proposed.eier, "enheter/rop");
    assert_eq!(benk.gjelder(&person).await, [""; 0], "no effect yet");

    let alone = bekreft(&benk, &Hvem::leder(), &proposed).await.unwrap_err();
    assert_eq!(alone.grunn, Feilgrunn::IkkeTillatt);
    assert_eq!(alone.nokler["regel"], "W7");
    let elsewhere = Hvem::new("nav", "n1", Rolle::Beslutter);
    assert!(bekreft(&benk, &elsewhere, &proposed).await.is_err());
    let held = bekreft(&benk, &Hvem::beslutter(), &proposed).await.unwrap();
    assert_eq!(held.tilstand(), VernTilstand::Gjeldende);
    let facts = [
        "ADRESSE_STRENGT_FORTROLIG *",
        "MANDAT_STRENGT ansatt x1",
        "MANDAT_STRENGT nav",
        "MANDAT_STRENGT rop",
    ];
    assert_eq!(benk.gjelder(&person).await, facts);

    let stale = foresla_oppheving(&benk, &Hvem::leder(), &proposed).await;
    assert_eq!(stale.unwrap_err().grunn, Feilgrunn::UtdatertEtag);
    let lifting = foresla_oppheving(&benk, &Hvem::leder(), &held)
        .await
        .unwrap();
    assert_eq!(
        benk.gjelder(&person).await,
        facts,
        "it holds until confirmed"
    );
    let alone = bekreft_oppheving(&benk, &Hvem::leder(), &lifting).await;
    assert_eq!(alone.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let lifted = bekreft_oppheving(&benk, &Hvem::beslutter(), &lifting)
        .await
        .unwrap();
    assert_eq!(lifted.tilstand(), VernTilstand::Opphevet);
    assert_eq!(benk.gjelder(&person).await, [""; 0]);
    assert_eq!(hent(&benk, &lifted.name).await, Ok(lifted.clone()));
    assert_eq!(list(&benk, &person, true).await, [""; 0]);
    assert_eq!(list(&benk, &person, false).await, [lifted.name]);

    // Nobody but the mandated hears of it, and they not before it holds.
    assert_eq!(
        benk.hendelser("nav").await,
        ["VernBekreftet", "VernopphevingForeslatt", "VernOpphevet"]
    );
    assert_eq!(benk.hendelser("koordinering").await, [""; 0]);
}

async fn each_kind_states_its_facts(database: Database) {
    type Change = fn(&mut ForeslaVernRequest);
    let benk = Benk::start(&database).await;
    let table: [(Verntype, Change, &[&str]); 4] = [
        (
            Verntype::Sperring,
            |r| {
                r.gjelder_enheter = names(&["nav", "bom"]);
                r.gjelder_ansatte = vec!["x1".into()];
            },
            &["SPERRING ansatt x1", "SPERRING bom", "SPERRING nav"],
        ),
        (
            Verntype::Sperring,
            |r| r.gjelder_alle_enheter = true,
            &["SPERRING *"],
        ),
        (
            Verntype::Inhabilitet,
            |r| r.gjelder_ansatte = vec!["x1".into(), "x2".into()],
            &["INHABIL ansatt x1", "INHABIL ansatt x2"],
        ),
        (
            Verntype::FortroligAdresse,
            |r| r.mandaterte_enheter = names(&["rop"]),
            &["ADRESSE_FORTROLIG *", "MANDAT rop"],
        ),
    ];
    for (n, (kind, change, expected)) in (0..).zip(table) {
        let person = benk.person(n).await;
        let mut request = request(&person, kind);
        change(&mut request);
        let proposed = foresla(&benk, &Hvem::leder(), request.clone())
            .await
            .unwrap();
        assert_eq!(proposed.gjelder_ansatte, request.gjelder_ansatte);
        assert_eq!(proposed.gjelder_alle_enheter, request.gjelder_alle_enheter);
        assert_eq!(proposed.mandaterte_enheter, request.mandaterte_enheter);
        assert_eq!(hent(&benk, &proposed.name).await.as_ref(), Ok(&proposed));
        bekreft(&benk, &Hvem::beslutter(), &proposed).await.unwrap();
        assert_eq!(benk.gjelder(&person).await, expected);
    }
    let mut wrong = request(&benk.person(9).await, Verntype::Unspecified);
    wrong.begrunnelse = "kort".into();
    let refused = foresla(&benk, &Hvem::leder(), wrong).await.unwrap_err();
    assert_eq!(
        refused.felt,
        [
            ("type".to_owned(), Feilgrunn::FeltUkjentVerdi),
            ("begrunnelse".to_owned(), Feilgrunn::FeltForm)
        ]
    );
}

async fn a_proposal_is_rejected(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let mut block = request(&person, Verntype::Sperring);
    block.gjelder_alle_enheter = true;
    let proposed = foresla(&benk, &Hvem::leder(), block.clone()).await.unwrap();
    let rejected = avvis(&benk, &Hvem::beslutter(), &proposed).await.unwrap();
    assert_eq!(rejected.tilstand(), VernTilstand::Avvist);
    assert_eq!(benk.fakta().await, []);

    block.request_id = request_id();
    let proposed = foresla(&benk, &Hvem::leder(), block).await.unwrap();
    let held = bekreft(&benk, &Hvem::beslutter(), &proposed).await.unwrap();
    let lifting = foresla_oppheving(&benk, &Hvem::leder(), &held)
        .await
        .unwrap();
    let kept = avvis(&benk, &Hvem::leder(), &lifting).await.unwrap();
    assert_eq!(kept.tilstand(), VernTilstand::Gjeldende);
    assert_eq!(kept.periode, held.periode);
    assert_eq!(benk.gjelder(&person).await, ["SPERRING *"]);
}

async fn a_step_out_of_order_names_the_state_and_what_is_allowed(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let mut block = request(&person, Verntype::Sperring);
    block.gjelder_alle_enheter = true;
    let proposed = foresla(&benk, &Hvem::leder(), block).await.unwrap();
    let early = foresla_oppheving(&benk, &Hvem::leder(), &proposed).await;
    let early = early.unwrap_err();
    assert_eq!(early.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(early.nokler["tilstand"], "FORESLATT");
    assert_eq!(early.nokler["tillatt"], "BekreftVern, AvvisForslagOmVern");
    let held = bekreft(&benk, &Hvem::beslutter(), &proposed).await.unwrap();
    let twice = bekreft(&benk, &Hvem::beslutter(), &held).await.unwrap_err();
    assert_eq!(twice.nokler["tilstand"], "GJELDENDE");
    let unseen = Vern {
        etag: String::new(),
        ..held
    };
    let blind = foresla_oppheving(&benk, &Hvem::leder(), &unseen).await;
    assert_eq!(
        blind.unwrap_err().felt,
        [("etag".to_owned(), Feilgrunn::FeltMangler)]
    );
}

/// To see it red, leave out `ingen_uten_ansvarlig` in `BekreftVern`.
async fn no_open_need_loses_its_unit(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let post = format!("{person}/oppdrag/0192f0a1-7b2c-7d3e-8f40-516273849506");
    let strict = || {
        let mut request = request(&person, Verntype::StrengtFortroligAdresse);
        request.mandaterte_enheter = names(&["rop"]);
        request
    };
    // Offered: bestillerkontor answers for the need until the unit accepts.
    benk.oppdrag("OppdragTilbudt", &person, &post, "bestillerkontor")
        .await;
    let refused = foresla(&benk, &Hvem::leder(), strict()).await.unwrap_err();
    assert_eq!(refused.grunn, Feilgrunn::BehovUtenAnsvarlig);
    assert_eq!(refused.nokler["enhet"], "enheter/bestillerkontor");
    // Accepted by a mandated unit: nothing is lost.
    benk.oppdrag("OppdragAkseptert", &person, &post, "rop")
        .await;
    let proposed = foresla(&benk, &Hvem::leder(), strict()).await.unwrap();
    // Another need is taken on before it is confirmed.
    let second = format!("{person}/oppdrag/0192f0a1-7b2c-7d3e-8f40-516273849507");
    benk.oppdrag("OppdragAkseptert", &person, &second, "bom")
        .await;
    let refused = bekreft(&benk, &Hvem::beslutter(), &proposed)
        .await
        .unwrap_err();
    assert_eq!(refused.nokler["enhet"], "enheter/bom");
    benk.oppdrag("OppdragAvsluttet", &person, &second, "bom")
        .await;
    assert!(bekreft(&benk, &Hvem::beslutter(), &proposed).await.is_ok());
}

async fn one_address_protection_of_a_kind(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let mut again = request(&person, Verntype::StrengtFortroligAdresse);
    again.mandaterte_enheter = names(&["rop"]);
    strengt_fortrolig(&benk, &person, &["rop"]).await;
    let twice = foresla(&benk, &Hvem::leder(), again).await.unwrap_err();
    assert_eq!(twice.grunn, Feilgrunn::Konflikt);
    // A weaker one beside it, and any number of disqualifications, may be.
    let mut weaker = request(&person, Verntype::FortroligAdresse);
    weaker.mandaterte_enheter = names(&["rop"]);
    assert!(foresla(&benk, &Hvem::leder(), weaker).await.is_ok());
    inhabil(&benk, &person, "x1").await;
    inhabil(&benk, &person, "x1").await;
}

async fn a_protection_of_another_person_is_not_found(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let mut held = strengt_fortrolig(&benk, &person, &["rop"]).await;
    held.name = held.name.replace(&person, &other);
    let read = hent(&benk, &held.name).await.unwrap_err();
    assert_eq!(read.grunn, Feilgrunn::IkkeFunnet);
    let lifted = foresla_oppheving(&benk, &Hvem::leder(), &held).await;
    assert_eq!(lifted.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
}
