//! Enquiries, advice, support, management by consent and user experience: each
//! has its clock, and nothing is left unanswered in silence.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use samspor_chassis::{
    store::Store,
    testing::{Database, TestCall, request_id},
};
use samspor_proto::{
    felles::{Faktumtype, Feilgrunn},
    nav::{
        AvsluttForvaltningRequest, AvsluttLivsoppholdRequest, BekreftHenvendelseRequest,
        BekreftRadRequest, BesvarBrukererfaringRequest, BesvarHenvendelseRequest,
        ForvaltningTilstand, Forvaltningstype, GiBrukererfaringRequest, GiRadRequest,
        HenvendelseTilstand, InnvilgLivsoppholdRequest, ListBrukererfaringerRequest,
        ListForvaltningerRequest, ListHenvendelserRequest, ListLivsoppholdRequest,
        ListOppholdRequest, ListRadRequest, ListUbesvarteBrukererfaringerRequest,
        MeldHenvendelseRequest, Meldekanal, RadTilstand, SamtykkForvaltningRequest,
        TrekkForvaltningRequest, VurderLivsoppholdRequest,
    },
};

use crate::{
    ENHET, botilbud, brukererfaring, forvaltning, henvendelse, livsopphold,
    nattprove::innvilg,
    opphold,
    prove::{
        P, apne, avslag, hendelser, hjemmel, hos, kall, klokka, les, meldt, oppgaver, plassen,
        relasjoner, tick,
    },
    rad,
};

samspor_chassis::on_both_databases! {
    an_enquiry_is_seen_and_answered,
    advice_waits_for_who_is_to_help,
    support_is_assessed_every_third_month,
    a_consent_is_taken_back_at_once,
    persons_are_asked_and_answered,
}

macro_rules! alle {
    ($store:expr, $handler:path, $request:ident) => {
        les!(
            $store,
            $handler,
            $request {
                parent: P.into(),
                ..Default::default()
            }
        )
    };
}

async fn brutte(store: &Store) -> usize {
    let told = hendelser(store, "nav").await;
    told.iter().filter(|kind| *kind == "FristBrutt").count()
}

async fn an_enquiry_is_seen_and_answered(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let ask = |innhold: &str| MeldHenvendelseRequest {
        parent: P.into(),
        request_id: request_id(),
        kanal: Meldekanal::Telefon.into(),
        innhold: innhold.into(),
    };
    let refusal = avslag!(store, hos("rop", "r1"), henvendelse::meld, ask(" "));
    assert_eq!(refusal.felt[0].felt, "innhold");
    kall!(
        store,
        hos("rop", "r1"),
        henvendelse::meld,
        ask("Vil snakke om gjeld")
    )
    .unwrap();
    assert_eq!(oppgaver(&store, "nav").await, ["HENVENDELSE"]);
    klokka(&database, "2026-11-06T09:00:00Z");
    tick(&store).await;
    assert_eq!(brutte(&store).await, 1, "three working days");
    let all = async || alle!(store, henvendelse::list, ListHenvendelserRequest).henvendelser;
    let name = all().await[0].name.clone();
    let confirm = || BekreftHenvendelseRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    kall!(store, hos(ENHET, "n1"), henvendelse::bekreft, confirm()).unwrap();
    let refusal = avslag!(store, hos(ENHET, "n1"), henvendelse::bekreft, confirm());
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(oppgaver(&store, "nav").await, ["HENVENDELSE_SVAR"]);
    klokka(&database, "2026-11-17T09:00:00Z");
    tick(&store).await;
    assert_eq!(brutte(&store).await, 2);
    let answer = || BesvarHenvendelseRequest {
        name: name.clone(),
        request_id: request_id(),
        svar: "Time på torsdag".into(),
    };
    let refusal = avslag!(store, hos("rop", "r1"), henvendelse::besvar, answer());
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    kall!(store, hos(ENHET, "n1"), henvendelse::besvar, answer()).unwrap();
    assert_eq!(all().await[0].tilstand(), HenvendelseTilstand::Besvart);
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
}

async fn advice_waits_for_who_is_to_help(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let give = |mottaker: &str, oppdrag: &str| GiRadRequest {
        parent: P.into(),
        request_id: request_id(),
        tema: "Gjeld".into(),
        rad: "Be om nedbetaling".into(),
        mottaker: mottaker.into(),
        oppdrag: oppdrag.into(),
        hjemmel: Some(hjemmel("§ 17")),
    };
    for (mottaker, oppdrag, field) in [
        ("enheter/rop", "", "oppdrag"),
        ("", "Følge til banken", "oppdrag"),
        ("enheter/nav", "Følge til banken", "mottaker"),
        ("rop", "Følge til banken", "mottaker"),
    ] {
        let refusal = avslag!(store, hos(ENHET, "n1"), rad::gi, give(mottaker, oppdrag));
        assert_eq!(refusal.felt[0].felt, field, "{mottaker} {oppdrag}");
    }
    kall!(store, hos(ENHET, "n1"), rad::gi, give("", "")).unwrap();
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    let request = give("enheter/rop", "Følge til banken");
    let given = kall!(store, hos(ENHET, "n1"), rad::gi, request)
        .unwrap()
        .rad
        .unwrap();
    assert_eq!(given.tilstand(), RadTilstand::Venter);
    assert!(
        relasjoner(&store, P)
            .await
            .contains(&Faktumtype::MottakerOverforing)
    );
    assert_eq!(hendelser(&store, "rop").await, ["RadVenter"]);
    klokka(&database, "2026-11-06T09:00:00Z");
    tick(&store).await;
    assert_eq!(hendelser(&store, "rop").await, ["RadVenter", "FristBrutt"]);
    assert_eq!(oppgaver(&store, "nav").await, ["RAD"]);
    let confirm = || BekreftRadRequest {
        name: given.name.clone(),
        request_id: request_id(),
        bekreftelse: "Vi følger på mandag".into(),
    };
    let refusal = avslag!(store, hos("bom", "b1"), rad::bekreft, confirm());
    assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
    kall!(store, hos("rop", "r1"), rad::bekreft, confirm()).unwrap();
    let refusal = avslag!(store, hos("rop", "r1"), rad::bekreft, confirm());
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    assert!(
        !relasjoner(&store, P)
            .await
            .contains(&Faktumtype::MottakerOverforing)
    );
    let all = alle!(store, rad::list, ListRadRequest).rad;
    assert_eq!(all[0].tilstand(), RadTilstand::Bekreftet);
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
}

async fn support_is_assessed_every_third_month(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let grant = |belop_ore| InnvilgLivsoppholdRequest {
        parent: P.into(),
        request_id: request_id(),
        fra: "2026-11-01".into(),
        belop_ore,
        begrunnelse: "Uten inntekt".into(),
        hjemmel: Some(hjemmel("§ 18")),
    };
    for wrong in [0, -1, 10_000_001] {
        let refusal = avslag!(store, hos(ENHET, "n2"), livsopphold::innvilg, grant(wrong));
        assert_eq!(refusal.felt[0].felt, "belop_ore");
    }
    kall!(
        store,
        hos(ENHET, "n2"),
        livsopphold::innvilg,
        grant(750_000)
    )
    .unwrap();
    let refusal = avslag!(
        store,
        hos(ENHET, "n2"),
        livsopphold::innvilg,
        grant(750_000)
    );
    assert_eq!(refusal.grunn, Feilgrunn::Konflikt);
    klokka(&database, "2027-01-19T09:00:00Z");
    tick(&store).await;
    assert_eq!(oppgaver(&store, "nav").await, ["LIVSOPPHOLD"], "a reminder");
    klokka(&database, "2027-02-02T09:00:00Z");
    tick(&store).await;
    assert_eq!(brutte(&store).await, 1);
    let all = alle!(store, livsopphold::list, ListLivsoppholdRequest).livsopphold;
    let assess = VurderLivsoppholdRequest {
        name: all[0].name.clone(),
        request_id: request_id(),
        belop_ore: 700_000,
        begrunnelse: "Fikk deltidsjobb".into(),
        hjemmel: Some(hjemmel("§ 18")),
    };
    let assessed = kall!(store, hos(ENHET, "n2"), livsopphold::vurder, assess).unwrap();
    let assessed = assessed.livsopphold.unwrap();
    assert_eq!(
        (&*assessed.neste_vurdering, assessed.belop_ore),
        ("2027-05-02", 700_000)
    );
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    let end = || AvsluttLivsoppholdRequest {
        name: assessed.name.clone(),
        request_id: request_id(),
        grunn: "Full jobb".into(),
        hjemmel: Some(hjemmel("§ 18")),
    };
    kall!(store, hos(ENHET, "n2"), livsopphold::avslutt, end()).unwrap();
    let refusal = avslag!(store, hos(ENHET, "n2"), livsopphold::avslutt, end());
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
}

/// Seen red: with a deadline that is due the day after.
async fn a_consent_is_taken_back_at_once(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let herself = || TestCall::new("nav").innbygger(&P[9..]).build();
    let consent = |type_: Forvaltningstype| SamtykkForvaltningRequest {
        parent: P.into(),
        request_id: request_id(),
        r#type: type_.into(),
        omfang: "Husleie og strøm".into(),
        samtykke: "Nav betaler det jeg skylder først".into(),
    };
    let direct = Forvaltningstype::DirekteHusleie;
    kall!(store, herself(), forvaltning::samtykk, consent(direct)).unwrap();
    let refusal = avslag!(
        store,
        hos(ENHET, "n1"),
        forvaltning::samtykk,
        consent(direct)
    );
    assert_eq!(refusal.grunn, Feilgrunn::Konflikt);
    let other = consent(Forvaltningstype::Forvaltning);
    kall!(store, hos(ENHET, "n1"), forvaltning::samtykk, other).unwrap();
    let all = async || alle!(store, forvaltning::list, ListForvaltningerRequest).forvaltninger;
    let name = all().await[1].name.clone();
    let take_back = || TrekkForvaltningRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    kall!(store, herself(), forvaltning::trekk, take_back()).unwrap();
    assert_eq!(all().await[1].tilstand(), ForvaltningTilstand::Trukket);
    assert_eq!(oppgaver(&store, "nav").await, ["FORVALTNING_TRUKKET"]);
    let refusal = avslag!(store, herself(), forvaltning::trekk, take_back());
    assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    klokka(&database, "2026-11-02T23:00:00Z");
    tick(&store).await;
    assert_eq!(brutte(&store).await, 1, "the same day");
    let stop = AvsluttForvaltningRequest {
        name,
        request_id: request_id(),
        grunn: "Stanset hos banken".into(),
    };
    kall!(store, hos(ENHET, "n1"), forvaltning::avslutt, stop).unwrap();
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
}

async fn persons_are_asked_and_answered(database: Database) {
    let store = apne(&database).await;
    klokka(&database, "2026-11-02T09:00:00Z");
    let place = plassen(&store, "A").await;
    let name = meldt(&store, P, "n1").await;
    let request = innvilg(&name, &place, "2027-01-30");
    kall!(store, hos(ENHET, "n2"), botilbud::rpc::innvilg, request).unwrap();
    let stay = alle!(store, opphold::rpc::list, ListOppholdRequest)
        .opphold
        .remove(0);
    klokka(&database, "2026-12-02T09:00:00Z");
    tick(&store).await;
    assert_eq!(
        oppgaver(&store, "nav").await,
        ["BRUKERERFARING"],
        "after thirty days"
    );
    let say = |tilfredshet, tekst: &str, om: &str| GiBrukererfaringRequest {
        parent: P.into(),
        request_id: request_id(),
        tilfredshet,
        tekst: tekst.into(),
        om: om.into(),
    };
    let stranger = stay.name.replace("3f2c8a54", "4f2c8a54");
    for (tilfredshet, tekst, om, field) in [
        (0, "", "", "tekst"),
        (6, "", "", "tilfredshet"),
        (3, "", "x", "om"),
        (3, "", stranger.as_str(), "om"),
    ] {
        let request = say(tilfredshet, tekst, om);
        let refusal = avslag!(store, hos(ENHET, "n1"), brukererfaring::gi, request);
        assert_eq!(refusal.felt[0].felt, field);
    }
    let herself = TestCall::new("nav").innbygger(&P[9..]).build();
    let request = say(2, "Ingen ringte", &stay.name);
    kall!(store, herself, brukererfaring::gi, request).unwrap();
    assert_eq!(oppgaver(&store, "nav").await, ["BRUKERERFARING_SVAR"]);
    klokka(&database, "2026-12-17T09:00:00Z");
    tick(&store).await;
    assert_eq!(brutte(&store).await, 1, "ten working days");
    let waiting = ListUbesvarteBrukererfaringerRequest {
        parent: "enheter/nav".into(),
        ..Default::default()
    };
    let waiting = les!(store, brukererfaring::list_ubesvarte, waiting).brukererfaringer;
    let answer = |endring: &str| BesvarBrukererfaringRequest {
        name: waiting[0].name.clone(),
        request_id: request_id(),
        svar: "Det var for dårlig".into(),
        endring: endring.into(),
    };
    let refusal = avslag!(store, hos(ENHET, "n1"), brukererfaring::besvar, answer(""));
    assert_eq!(refusal.felt[0].felt, "endring");
    let request = answer("Vakten ringer samme kveld");
    kall!(store, hos(ENHET, "n1"), brukererfaring::besvar, request).unwrap();
    assert_eq!(oppgaver(&store, "nav").await, Vec::<String>::new());
    let all = alle!(store, brukererfaring::list, ListBrukererfaringerRequest).brukererfaringer;
    assert!(!all[0].pa_vegne_av && all[0].svar == "Det var for dårlig");
}
