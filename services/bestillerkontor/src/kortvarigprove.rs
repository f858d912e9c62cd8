//! Services without a vedtak, through the handlers and the store: how long they
//! last, and what becomes of one that was declined.

use samspor_chassis::{
    error::Error,
    params,
    store::Store,
    testing::{Database, request_id},
};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, hjemmel, hos, kall},
    forlopsprove::{
        accept, at, begin, decide, draft, events, fields, kinds, line, med, orders, ready, refusal,
        send, tick, waiting, with_end, with_lines,
    },
    oppdrag,
    rettsprove::{facts, map, ready_again},
    soknad,
};

samspor_chassis::on_both_databases! {
    what_is_short_needs_no_vedtak_until_it_is_prolonged,
    a_short_service_counts_by_the_days_on_which_it_was_given,
    a_vedtak_is_not_prolonged_by_a_short_service,
    who_decides_on_the_type_orders_it,
    a_declined_short_service_waits_until_its_need_is_answered,
    why_a_declined_short_service_waits_no_longer_is_said_by_who_ordered,
}

pub(crate) async fn short(store: &Store, fra: &str, til: &str) -> Result<Oppdrag, Error> {
    let request = BestillKortvarigTjenesteRequest {
        parent: P.into(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".into(),
        r#type: Tjenestetype::Hjemmesykepleie.into(),
        min_timer: 1.0,
        maks_timer: 2.0,
        fra: fra.into(),
        til: til.into(),
        mal: "Sårstell".into(),
        hjemmel: Some(hjemmel()),
        ..Default::default()
    };
    let made = kall!(
        store,
        hos(ENHET, "a1"),
        oppdrag::rpc::bestill_kortvarig,
        request
    )?;
    Ok(made.oppdrag.unwrap())
}

/// Seen red: with each order counted for itself; with 15 days; and with 40 days
/// in place of 42.
async fn what_is_short_needs_no_vedtak_until_it_is_prolonged(database: Database) {
    let store = database.open(MIGRATIONS).await;
    for (fra, til, field) in [
        ("2026-10-01", "2026-10-15", "til"),
        ("2026-09-30", "2026-10-02", "fra"),
        ("2026-10-05", "2026-10-04", "til"),
        ("2026-10-05", "", "til"),
    ] {
        let refused = short(&store, fra, til).await;
        assert_eq!(fields(refused), field, "{fra} {til}");
    }
    let order = short(&store, "2026-10-01", "2026-10-10").await.unwrap();
    assert!(order.kortvarig && order.vedtak.is_empty());
    assert_eq!(order.ansvarlig_enhet, "enheter/bestillerkontor");
    // 14 days with what it prolongs, and no more.
    assert_eq!(
        fields(short(&store, "2026-10-11", "2026-10-15").await),
        "til"
    );
    short(&store, "2026-10-11", "2026-10-14").await.unwrap();
    assert_eq!(
        fields(short(&store, "2026-10-15", "2026-10-15").await),
        "til"
    );
    // Days without it do not make it another one, until four weeks have passed.
    for (fra, til) in [("2026-10-16", "2026-10-29"), ("2026-11-11", "2026-11-24")] {
        assert_eq!(fields(short(&store, fra, til).await), "til", "{fra}");
    }
    short(&store, "2026-11-12", "2026-11-25").await.unwrap();
    // One that is put in between is counted with what follows.
    assert_eq!(
        fields(short(&store, "2026-10-20", "2026-10-20").await),
        "til"
    );
    // The unit has it to deliver on that day already.
    assert_eq!(
        fields(short(&store, "2026-10-10", "2026-10-10").await),
        "fra"
    );
    accept(&store, &order).await;
    begin(&store, &order).await;
    database.clock().set(at("2026-10-10T22:00:00Z"));
    tick(&store).await;
    let ended = &orders(&store).await[0];
    assert_eq!(ended.tilstand(), OppdragTilstand::Avsluttet);
    assert_eq!(ended.avslutningsarsak(), Avslutningsarsak::Utlopt);
    let heard = events(&store, "hjemmetjeneste").await;
    assert!(heard.contains(&"OppdragAvsluttet".to_owned()));
}

/// Seen red: with the planned days of what ended counted.
async fn a_short_service_counts_by_the_days_on_which_it_was_given(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let order = short(&store, "2026-10-01", "2026-10-14").await.unwrap();
    accept(&store, &order).await;
    begin(&store, &order).await;
    // Warned three working days before its last day, a Wednesday.
    database.clock().set(at("2026-10-09T22:00:00Z"));
    tick(&store).await;
    let warned = async || {
        let heard = events(&store, ENHET).await;
        heard.iter().filter(|kind| **kind == "FristNaer").count()
    };
    let before = warned().await;
    database.clock().set(at("2026-10-05T10:00:00Z"));
    let request = AvsluttOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
        arsak: Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Såret er grodd".into(),
        alternativ: "Fastlegen".into(),
        ..Default::default()
    };
    let by = hos("hjemmetjeneste", "r1");
    kall!(store, by, oppdrag::rpc::avslutt, request).unwrap();
    assert_eq!(before, 1);
    // Five days were given, and nine are left.
    let longer = short(&store, "2026-10-06", "2026-10-15").await;
    assert_eq!(fields(longer), "til");
    let longer = short(&store, "2026-10-07", "2026-10-16").await;
    assert_eq!(fields(longer), "til");
    short(&store, "2026-10-07", "2026-10-15").await.unwrap();
    let no_basis = BestillKortvarigTjenesteRequest {
        parent: P.into(),
        request_id: request_id(),
        enhet: "enheter/hjemmetjeneste".into(),
        r#type: Tjenestetype::PraktiskBistand.into(),
        min_timer: 1.0,
        maks_timer: 2.0,
        fra: "2026-10-06".into(),
        til: "2026-10-07".into(),
        ..Default::default()
    };
    let by = hos(ENHET, "a1");
    let refused = kall!(store, by, oppdrag::rpc::bestill_kortvarig, no_basis);
    assert_eq!(fields(refused), "hjemmel");
}

/// A vedtak that runs out is not prolonged without one, nor is what it grants
/// doubled; what it grants and nobody has begun on can be bridged.
///
/// Seen red: with the days that a vedtak gave left out.
async fn a_vedtak_is_not_prolonged_by_a_short_service(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let mut granted = line(Tjenestetype::Hjemmesykepleie, "hjemmetjeneste");
    (granted.fra, granted.til) = ("2026-10-05".into(), "2026-10-31".into());
    let content = with_lines(&application, vec![granted], "hjemmetjeneste");
    let drafted = draft(&store, content).await;
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    let by_vedtak = orders(&store).await.remove(0);
    assert_eq!(
        fields(short(&store, "2026-10-03", "2026-10-05").await),
        "fra"
    );
    short(&store, "2026-10-01", "2026-10-04").await.unwrap();
    accept(&store, &by_vedtak).await;
    database.clock().set(at("2026-10-05T08:00:00Z"));
    begin(&store, &by_vedtak).await;
    let after = short(&store, "2026-11-01", "2026-11-01").await;
    assert_eq!(fields(after), "til");
    database.clock().set(at("2026-11-01T08:00:00Z"));
    tick(&store).await;
    let after = short(&store, "2026-11-10", "2026-11-12").await;
    assert_eq!(fields(after), "til");
    short(&store, "2026-11-29", "2026-12-12").await.unwrap();
}

/// Sarpsborg: hjemmetjenesten decides on its own services, and orders them. Its
/// relation is to the order, for as long as the need is with it.
///
/// Seen red: with the relation of who ordered kept after the settlement.
async fn who_decides_on_the_type_orders_it(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let order = |enhet: &str| BestillKortvarigTjenesteRequest {
        parent: P.into(),
        request_id: request_id(),
        enhet: format!("enheter/{enhet}"),
        r#type: Tjenestetype::Hjemmesykepleie.into(),
        min_timer: 1.0,
        maks_timer: 2.0,
        fra: "2026-10-01".into(),
        til: "2026-10-05".into(),
        mal: "Sårstell".into(),
        hjemmel: Some(hjemmel()),
        ..Default::default()
    };
    let office = || med(ENHET, "a1", &["avlastning", "bolig"]);
    let refused = kall!(
        store,
        office(),
        oppdrag::rpc::bestill_kortvarig,
        order("bom")
    );
    let refused = refusal(refused).felt.remove(0);
    assert_eq!(refused.felt, "type");
    assert!(
        refused
            .nokler
            .values()
            .any(|key| key == "vedtaksmyndighet:hjemmesykepleie")
    );
    let own = || med("hjemmetjeneste", "h1", &["hjemmesykepleie"]);
    let relation = |order: &Oppdrag| {
        let id = order.name.rsplit('/').next().unwrap();
        format!("bestiller/{id}")
    };
    for unit in ["bom", "hjemmetjeneste"] {
        let made = kall!(store, own(), oppdrag::rpc::bestill_kortvarig, order(unit));
        let made = made.unwrap().oppdrag.unwrap();
        assert_eq!(made.bestiller, "enheter/hjemmetjeneste");
        let relation = relation(&made);
        assert!(facts(&store).await.contains_key(&relation));
        if unit == "bom" {
            let request = AvvisOppdragRequest {
                name: made.name.clone(),
                request_id: request_id(),
                arsak: Avvisningsarsak::Kompetanse.into(),
                begrunnelse: "Ikke vårt".into(),
            };
            kall!(store, hos("bom", "m1"), oppdrag::rpc::avvis, request).unwrap();
            assert!(facts(&store).await.contains_key(&relation), "it waits");
            let list = waiting(&store, "hjemmetjeneste").await;
            assert_eq!(kinds(&list), ["OMFORDELING"]);
            let request = AvsluttOmfordelingRequest {
                name: made.name.clone(),
                request_id: request_id(),
                begrunnelse: "Vi gjør det selv".into(),
                alternativ: "Hjemmetjenesten".into(),
            };
            kall!(store, own(), oppdrag::omfordeling::avslutt, request).unwrap();
        } else {
            accept(&store, &made).await;
            begin(&store, &made).await;
            database.clock().set(at("2026-10-05T22:00:00Z"));
            tick(&store).await;
            // Until it is reported.
            assert_eq!(facts(&store).await.get(&relation), Some(&None));
            let request = RapporterOppdragRequest {
                name: made.name.clone(),
                request_id: request_id(),
                rapport: Some(Leveringsrapport {
                    fra: made.fra.clone(),
                    til: made.til.clone(),
                    timer: 4.0,
                    ..Default::default()
                }),
            };
            kall!(store, own(), oppdrag::rpc::rapporter, request).unwrap();
        }
        assert_ne!(facts(&store).await.get(&relation), Some(&None), "{unit}");
        let list = waiting(&store, "hjemmetjeneste").await;
        assert!(kinds(&list).is_empty(), "{list:?}");
    }
}

/// Declined by the unit that was asked.
async fn declined(store: &Store, fra: &str, til: &str) -> Oppdrag {
    let order = short(store, fra, til).await.unwrap();
    let request = AvvisOppdragRequest {
        name: order.name.clone(),
        request_id: request_id(),
        arsak: Avvisningsarsak::Kapasitet.into(),
        begrunnelse: "Fullt".into(),
    };
    let who = hos("hjemmetjeneste", "h1");
    kall!(store, who, oppdrag::rpc::avvis, request).unwrap();
    order
}

/// Whether the list of who ordered has it, and how it stands.
async fn waits(store: &Store, order: &Oppdrag) -> (bool, Oppdrag) {
    let mut list = waiting(store, ENHET).await;
    list.retain(|post| post.post == order.name);
    let found = orders(store).await;
    let order = found.into_iter().find(|other| other.name == order.name);
    (kinds(&list) == ["OMFORDELING"], order.unwrap())
}

async fn take_back(store: &Store, name: &str) {
    let request = TrekkSoknadRequest {
        name: name.into(),
        request_id: request_id(),
        personens_onske: "Vil ikke".into(),
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::trekk, request).unwrap();
}

/// Another order, a vedtak on it, and the end of the application: each ends the
/// wait, and what is about something else does not.
///
/// Seen red: with `lukk` that ends nothing.
async fn a_declined_short_service_waits_until_its_need_is_answered(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let first = declined(&store, "2026-10-01", "2026-10-02").await;
    assert!(waits(&store, &first).await.0);
    let second = declined(&store, "2026-10-01", "2026-10-02").await;
    let (waiting, placed) = waits(&store, &first).await;
    assert!(!waiting);
    assert_eq!(placed.tilstand(), OppdragTilstand::Avsluttet);
    assert_eq!(placed.avslutningsarsak(), Avslutningsarsak::AnnenTjeneste);
    assert_eq!(placed.begrunnelse, "Fullt", "why it was declined");
    assert!(placed.avsluttet_av.is_none());

    let application = ready(&store).await;
    let decided = async |type_: Tjenestetype, application: &str| {
        let mut granted = line(type_, "rop");
        granted.fra = "2026-10-05".into();
        let content = with_lines(application, vec![granted], "rop");
        let drafted = draft(&store, content).await;
        let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
        decide(&store, hos(ENHET, "b1"), &sent).await.unwrap()
    };
    decided(Tjenestetype::RopOppfolging, &application).await;
    assert!(waits(&store, &second).await.0, "of another type");

    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Hjelp med såret".into(),
        kanal: Kanal::Oppmote.into(),
        gjelder: vec![Tjenestetype::Hjemmesykepleie.into()],
        ..Default::default()
    };
    let latest = async || {
        let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
        let sql = "SELECT id FROM soknad ORDER BY id DESC LIMIT 1";
        let row: Option<(String,)> = tx.one(sql, params![]).await.unwrap();
        format!("{P}/soknader/{}", row.unwrap().0)
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request.clone()).unwrap();
    let wound = latest().await;
    let other = MottaSoknadRequest {
        request_id: request_id(),
        gjelder: vec![Tjenestetype::Avlastning.into()],
        ..request
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, other).unwrap();
    take_back(&store, &latest().await).await;
    assert!(waits(&store, &second).await.0, "the other goes on");
    take_back(&store, &wound).await;
    let (waiting, gone) = waits(&store, &second).await;
    assert!(!waiting);
    assert_eq!(gone.avslutningsarsak(), Avslutningsarsak::Bortfalt);

    let third = declined(&store, "2026-10-01", "2026-10-02").await;
    let application = ready_again(&store).await;
    map(&store, &application).await;
    decided(Tjenestetype::Hjemmesykepleie, &application).await;
    let (waiting, placed) = waits(&store, &third).await;
    assert!(!waiting);
    assert_eq!(placed.avslutningsarsak(), Avslutningsarsak::AnnenTjeneste);
}

/// With a reason and an alternative, and never what a vedtak granted. What was
/// declined then is no order of a later month.
///
/// Seen red: with the time of the settlement as that of the decline.
async fn why_a_declined_short_service_waits_no_longer_is_said_by_who_ordered(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let order = declined(&store, "2026-10-01", "2026-10-02").await;
    let vedtak = with_end(&store, "2027-06-30").await;
    let granted = orders(&store).await.pop().unwrap();
    assert_eq!(granted.vedtak, vedtak.name);
    let ended = async || -> i64 {
        let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
        let sql = "SELECT slutt FROM oppdrag ORDER BY id LIMIT 1";
        let row: Option<(i64,)> = tx.one(sql, params![]).await.unwrap();
        row.unwrap().0
    };
    let before = ended().await;
    database.clock().set(at("2026-11-10T08:00:00Z"));
    let say = |name: &str, reason: &str, instead: &str| AvsluttOmfordelingRequest {
        name: name.into(),
        request_id: request_id(),
        begrunnelse: reason.into(),
        alternativ: instead.into(),
    };
    let request = say(&order.name, "", "");
    let bare = kall!(
        store,
        hos(ENHET, "a1"),
        oppdrag::omfordeling::avslutt,
        request
    );
    assert_eq!(fields(bare), "begrunnelse alternativ");
    let request = say(&order.name, "Såret er grodd", "Kan ringe");
    let who = hos("hjemmetjeneste", "h1");
    let other = kall!(store, who, oppdrag::omfordeling::avslutt, request.clone());
    assert_eq!(refusal(other).grunn, Feilgrunn::IkkeFunnet);
    let who = hos(ENHET, "a1");
    let told = kall!(store, who, oppdrag::omfordeling::avslutt, request).unwrap();
    let told = told.oppdrag.unwrap();
    assert_eq!(told.tilstand(), OppdragTilstand::Avsluttet);
    assert_eq!(told.avslutningsarsak(), Avslutningsarsak::Bortfalt);
    assert_eq!(told.alternativ, "Kan ringe");
    assert_eq!(told.avsluttet_av.unwrap().ansatt, "a1");
    assert!(!waits(&store, &order).await.0);
    let heard = events(&store, "koordinering").await;
    assert!(heard.contains(&"OppdragAvsluttet".to_owned()));
    let heard = events(&store, "hjemmetjeneste").await;
    assert!(!heard.contains(&"OppdragAvsluttet".to_owned()));
    assert_eq!(ended().await, before);

    let request = say(&order.name, "Igjen", "Kan ringe");
    let twice = kall!(
        store,
        hos(ENHET, "a1"),
        oppdrag::omfordeling::avslutt,
        request
    );
    assert_eq!(refusal(twice).grunn, Feilgrunn::UgyldigOvergang);
    let request = say(&granted.name, "Vil ikke", "Kan ringe");
    let granted = kall!(
        store,
        hos(ENHET, "a1"),
        oppdrag::omfordeling::avslutt,
        request
    );
    assert_eq!(fields(granted), "name");
}
