//! Neighbours and caretakers: what they say, who hears it, and what they learn.

use samspor_chassis::{
    deadlines::Ticker,
    params,
    server::Agency as _,
    store::Store,
    testing::{Database, START, TestCall, request_id},
};
use samspor_proto::{boligkontor::*, internt::Boligtildeler};

use crate::{
    Boligkontor, ENHET, bekymring, boligsak, leieforhold, nabohenvendelse, prove::*, reservasjon,
    restansesak,
};

samspor_chassis::on_both_databases! {
    a_neighbour_learns_nothing_about_the_tenant,
    who_follows_the_tenant_up_answers_for_a_concern,
    a_concern_is_received_alike_wherever_it_is_about,
    no_concern_comes_back_to_the_office_that_told_it,
}

async fn besvart(store: &Store, bolig: &str) -> Nabohenvendelse {
    let office = || hos(ENHET, "b1");
    let request = RegistrerNabohenvendelseRequest {
        parent: bolig.into(),
        request_id: request_id(),
        beskrivelse: "Bråk om natten".into(),
        kontakt: "99 99 99 99".into(),
    };
    let told = kall!(store, office(), nabohenvendelse::registrer, request).unwrap();
    let name = told.nabohenvendelse.unwrap().name;
    let request = StartNabohenvendelseRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    kall!(store, office(), nabohenvendelse::start, request).unwrap();
    let request = || BesvarNabohenvendelseRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    let answered = kall!(store, office(), nabohenvendelse::besvar, request()).unwrap();
    let twice = kall!(store, office(), nabohenvendelse::besvar, request());
    assert_eq!(feil(twice), ["FEILGRUNN_UGYLDIG_OVERGANG"]);
    answered.nabohenvendelse.unwrap()
}

/// Whatever is known of who lives there, or that nobody does, the neighbour is
/// told the same; and nothing of it reaches the tenancy.
///
/// Seen red: with an answer that says which dwelling it is about.
async fn a_neighbour_learns_nothing_about_the_tenant(database: Database) {
    let store = lager(&database).await;
    let office = || hos(ENHET, "b1");
    let empty = ledig(&store, "A-1", Tildelingstype::Hardfor).await.name;
    let tenancy = leid(&store, "A-2", Tildelingstype::Hardfor).await;
    let request = RegistrerRestanseRequest {
        parent: P.into(),
        request_id: request_id(),
        leieforhold: tenancy.name.clone(),
        belop: 17_000,
        siden: "2026-08-01".into(),
        parter: vec!["enheter/nav".into()],
    };
    kall!(&store, office(), restansesak::rpc::registrer, request).unwrap();
    let request = MeldOppfolgingAvslattRequest {
        name: tenancy.name.clone(),
        request_id: request_id(),
        beskrivelse: "Vil være i fred".into(),
    };
    let handler = leieforhold::rpc::meld_oppfolging_avslatt;
    kall!(&store, office(), handler, request).unwrap();
    let before = les(&store, &tenancy.name).await;
    let answers = [
        besvart(&store, &empty).await,
        besvart(&store, &tenancy.bolig).await,
    ];
    assert!(answers[0].svar.starts_with("2026-10-01: "));
    assert_eq!(answers[0].svar, answers[1].svar);
    for word in ["leie", "restanse", "oppfølging", "ledig"] {
        assert!(!answers[0].svar.contains(word), "{word}");
    }
    assert_eq!(les(&store, &tenancy.name).await, before);
    let mut tx = store.begin_read(office()).await.unwrap();
    let request = ListApneNabohenvendelserRequest {
        parent: KONTORET.into(),
        ..Default::default()
    };
    let open = nabohenvendelse::list_apne(&mut tx, request).await.unwrap();
    assert_eq!(open.nabohenvendelser, [], "answered");
    drop(tx);
    let request = RegistrerNabohenvendelseRequest {
        parent: empty,
        request_id: request_id(),
        ..Default::default()
    };
    let silent = kall!(&store, office(), nabohenvendelse::registrer, request);
    assert_eq!(
        feil(silent),
        ["beskrivelse FELT_MANGLER", "kontakt FELT_MANGLER"]
    );
}

async fn meldt(store: &Store, bolig: &str) -> samspor_proto::felles::Kvittering {
    let request = MeldBekymringRequest {
        name: bolig.into(),
        request_id: request_id(),
        innhold: "Døren har stått åpen i tre dager".into(),
    };
    let told = kall!(store, hos(ENHET, "v1"), bekymring::meld, request);
    told.unwrap().kvittering.unwrap()
}

async fn om_personen(store: &Store) -> Vec<Bekymring> {
    let mut tx = store.begin_read(hos("bom", "m1")).await.unwrap();
    let request = ListBekymringerRequest {
        parent: P.into(),
        ..Default::default()
    };
    let listed = bekymring::list(&mut tx, request).await.unwrap();
    listed.bekymringer
}

/// The units that follow the tenant up, and none other; one that nobody sees to
/// alerts them, and the office of the caretaker hears nothing.
///
/// Seen red: with the office among those who are told, and without the deadline.
async fn who_follows_the_tenant_up_answers_for_a_concern(database: Database) {
    let store = lager(&database).await;
    let tenancy = leid(&store, "A-1", Tildelingstype::Hardfor).await;
    let (office, followers) = (
        hendelser(&store, ENHET).await,
        hendelser(&store, "bom").await,
    );
    meldt(&store, &tenancy.bolig).await;
    let told = om_personen(&store).await.remove(0);
    assert_eq!(told.ansvarlig_enhet, "enheter/bom");
    assert_eq!(told.enheter, ["enheter/bom"]);
    database
        .clock()
        .advance(std::time::Duration::from_hours(24 * 7));
    let ticker = Ticker::new(store.clone(), Boligkontor::on_deadline);
    assert_eq!(ticker.tick().await.unwrap().failed, 0);
    database.clock().set(START);
    let heard = hendelser(&store, "bom").await;
    assert_eq!(heard[followers.len()..], ["BekymringMottatt", "FristBrutt"]);
    // The reservation ended in a tenancy, so no deadline of the office has passed.
    assert_eq!(hendelser(&store, ENHET).await, office);
    let request = || BekreftBekymringRequest {
        name: told.name.clone(),
        request_id: request_id(),
        tiltak: "Drar dit i dag".into(),
    };
    let stranger = kall!(&store, hos(ENHET, "b1"), bekymring::bekreft, request());
    assert_eq!(feil(stranger), ["FEILGRUNN_IKKE_TILLATT"]);
    let seen = kall!(&store, hos("bom", "m1"), bekymring::bekreft, request()).unwrap();
    assert_eq!(
        seen.bekymring.unwrap().tilstand(),
        BekymringTilstand::Bekreftet
    );
    let twice = kall!(&store, hos("bom", "m1"), bekymring::bekreft, request());
    assert_eq!(feil(twice), ["FEILGRUNN_UGYLDIG_OVERGANG"]);
    let mut tx = store.begin_read(hos("bom", "m1")).await.unwrap();
    let left: Vec<(String,)> = tx
        .all(
            "SELECT post FROM chassis_frist WHERE type = 'bekymring'",
            params![],
        )
        .await
        .unwrap();
    assert_eq!(left, []);
}

/// A receipt of one form, where somebody lives and where nobody does; there the
/// office looks after the dwelling.
///
/// Seen red: with a refusal where nobody lives.
async fn a_concern_is_received_alike_wherever_it_is_about(database: Database) {
    let store = lager(&database).await;
    let empty = ledig(&store, "A-1", Tildelingstype::Hardfor).await.name;
    let tenancy = leid(&store, "A-2", Tildelingstype::Hardfor).await;
    let receipts = [
        meldt(&store, &empty).await,
        meldt(&store, &tenancy.bolig).await,
    ];
    assert_eq!(receipts[0].mottatt, receipts[1].mottatt);
    let form = |text: &str| {
        let mark = |c: char| if c == '-' { '-' } else { 'x' };
        text.chars().map(mark).collect::<String>()
    };
    assert_eq!(form(&receipts[0].referanse), form(&receipts[1].referanse));
    assert_eq!(om_personen(&store).await.len(), 1);
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let orders: Vec<(String,)> = tx
        .all("SELECT id FROM arbeidsordre", params![])
        .await
        .unwrap();
    assert_eq!(orders, [(receipts[0].referanse.clone(),)]);
}

/// Sarpsborg, where the office that lets the dwelling has allocated it too, and
/// nobody follows the tenant up: who finds a bed for somebody without one has the
/// concern, and the office reads none of it (N3).
///
/// Seen red: with `tildelt_av` whoever that is; with a broken deadline that nav
/// alone is told of.
async fn no_concern_comes_back_to_the_office_that_told_it(database: Database) {
    let store = lager(&database).await;
    let type_ = Tildelingstype::Hardfor;
    let free = ledig(&store, "A-1", type_).await;
    let there = |unit: &'static str, who: &'static str| {
        let allocates = |(boligtype, unit): (&str, &str)| Boligtildeler {
            boligtype: boligtype.into(),
            enheter: vec![unit.into()],
        };
        let here = [("midlertidig", "nav"), ("hardfor", ENHET)].map(allocates);
        TestCall::new(unit)
            .ansatt(who)
            .with(|permit| {
                permit.boligtildelere = here.into();
                permit.kommune = "karmoy".into();
            })
            .build()
    };
    let case = boligsak::prove::godkjent_hos(&store, P, type_, ENHET, &there).await;
    let asked = onske(&case.name, &free.name);
    let held = kall!(
        &store,
        there(ENHET, "b1"),
        reservasjon::rpc::reserver,
        asked
    )
    .unwrap();
    let held = held.reservasjon.unwrap();
    let offer = TilbyBoligRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag,
        svarfrist: None,
    };
    kall!(&store, there(ENHET, "b1"), reservasjon::rpc::tilby, offer).unwrap();
    let yes = SvarTilbudRequest {
        name: held.name.clone(),
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    kall!(&store, personen(P), reservasjon::rpc::svar, yes).unwrap();
    let mut contract = kontrakt(&held.name);
    contract.oppfolgere = Vec::new();
    kall!(
        &store,
        there(ENHET, "b1"),
        leieforhold::rpc::innga,
        contract
    )
    .unwrap();
    let request = MeldBekymringRequest {
        name: free.name,
        request_id: request_id(),
        innhold: "Døren har stått åpen i tre dager".into(),
    };
    kall!(&store, there(ENHET, "v1"), bekymring::meld, request).unwrap();
    let told = om_personen(&store).await.remove(0);
    assert_eq!(told.ansvarlig_enhet, "enheter/nav");
    assert_eq!(told.enheter, ["enheter/nav"]);
    assert_eq!(hendelser(&store, "nav").await, ["BekymringMottatt"]);
    // Where nav cannot see the tenant, somebody hears that nobody saw to it.
    let before = hendelser(&store, ENHET).await;
    database
        .clock()
        .advance(std::time::Duration::from_hours(24 * 7));
    let ticker = Ticker::new(store.clone(), Boligkontor::on_deadline);
    assert_eq!(ticker.tick().await.unwrap().failed, 0);
    database.clock().set(START);
    let heard = hendelser(&store, ENHET).await;
    assert_eq!(heard[before.len()..], ["FristBrutt"]);
    let heard = hendelser(&store, "nav").await;
    assert_eq!(heard, ["BekymringMottatt", "FristBrutt"]);
}
