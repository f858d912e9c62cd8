//! What the person was refused or lost, through the handlers and the store: told,
//! disputed, counted from the day it came.

use samspor_chassis::testing::{Database, Tid, request_id};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, fattet, hjemmel, hos, kall},
    forlopsprove::*,
    klage,
    rettsprove::*,
    soknad, vedtak,
};

samspor_chassis::on_both_databases! {
    what_is_refused_is_told_and_can_be_disputed,
    a_klage_is_over_the_version_that_was_told,
    what_came_earlier_counts_from_the_day_it_came,
    units_share_the_hours_of_a_line,
}

fn refusal_of(type_: Tjenestetype) -> Avslag {
    Avslag {
        r#type: type_.into(),
        begrunnelse: "Klarer dette selv".into(),
        hjemmel: Some(hjemmel()),
        alternativ: "Lavterskel uten vedtak".into(),
        ..Default::default()
    }
}

/// Seen red: without `krev_svar`, with services alone asked for an answer, and
/// with the facts of an empty vedtak counted as held.
async fn what_is_refused_is_told_and_can_be_disputed(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Mer hjelp".into(),
        kanal: Kanal::Telefon.into(),
        gjelder: vec![
            Tjenestetype::RopOppfolging.into(),
            Tjenestetype::Avlastning.into(),
        ],
        gjelder_bolig: vec![Boligrett::Omsorgsbolig.into()],
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let application = newest(&store).await;
    map(&store, &application).await;
    let mut content = with_lines(&application, vec![], "rop");
    content.avslag = vec![refusal_of(Tjenestetype::RopOppfolging)];
    let drafted = draft(&store, content.clone()).await;
    let by = || hos(ENHET, "a1");
    let change = async |of: &Vedtak, content: &Vedtak| {
        let request = OppdaterVedtakRequest {
            name: of.name.clone(),
            request_id: request_id(),
            etag: of.etag.clone(),
            vedtak: Some(content.clone()),
        };
        let changed = kall!(store, by(), vedtak::rpc::oppdater, request);
        changed.map(|changed| changed.vedtak.unwrap())
    };
    let try_send = async |of: &Vedtak| {
        let request = SendTilGodkjenningRequest {
            name: of.name.clone(),
            request_id: request_id(),
            etag: of.etag.clone(),
        };
        kall!(store, by(), vedtak::rpc::send, request)
    };
    assert_eq!(fields(try_send(&drafted).await), "vedtak.hovedansvarlig");
    content.hovedansvarlig.clear();
    let mut bare = content.clone();
    bare.avslag[0] = Avslag {
        r#type: Tjenestetype::RopOppfolging.into(),
        ..Default::default()
    };
    let drafted = change(&drafted, &bare).await.unwrap();
    assert_eq!(
        fields(try_send(&drafted).await),
        "vedtak.avslag[0].begrunnelse vedtak.avslag[0].hjemmel vedtak.avslag[0].alternativ"
    );
    let mut both = content.clone();
    both.avslag[0].bolig = Boligrett::Omsorgsbolig.into();
    assert_eq!(
        fields(change(&drafted, &both).await),
        "vedtak.avslag[0].type"
    );

    let drafted = change(&drafted, &content).await.unwrap();
    let sent = send(&store, by(), &drafted).await;
    let refused = decide(&store, med(ENHET, "b1", &["avlastning"]), &sent).await;
    assert_eq!(fields(refused), "vedtak.avslag[0].type");
    let refused = decide(&store, hos(ENHET, "b1"), &sent).await;
    let each = "vedtak.avslag vedtak.avslag";
    assert_eq!(fields(refused), each, "neither relief nor dwelling");
    let request = ReturnerVedtakRequest {
        name: sent.name.clone(),
        request_id: request_id(),
        begrunnelse: "Svar på avlastning også".into(),
    };
    let returned = kall!(store, hos(ENHET, "b1"), vedtak::rpc::returner, request);
    let returned = returned.unwrap().vedtak.unwrap();
    content.avslag.push(refusal_of(Tjenestetype::Avlastning));
    let drafted = change(&returned, &content).await.unwrap();
    let sent = send(&store, by(), &drafted).await;
    let refused = decide(&store, hos(ENHET, "b1"), &sent).await;
    assert_eq!(fields(refused), "vedtak.avslag", "nor is the dwelling");
    let request = ReturnerVedtakRequest {
        name: sent.name.clone(),
        request_id: request_id(),
        begrunnelse: "Svar på boligen også".into(),
    };
    let returned = kall!(store, hos(ENHET, "b1"), vedtak::rpc::returner, request);
    let returned = returned.unwrap().vedtak.unwrap();
    content.avslag.push(Avslag {
        bolig: Boligrett::Omsorgsbolig.into(),
        r#type: 0,
        ..refusal_of(Tjenestetype::Avlastning)
    });
    let drafted = change(&returned, &content).await.unwrap();
    let sent = send(&store, by(), &drafted).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    assert_eq!(decided.avslag, content.avslag);
    assert_eq!(orders(&store).await, []);
    let state = soknad_state(&store, &application).await;
    assert_eq!(state, SoknadTilstand::Vedtatt);
    assert_eq!(kinds(&waiting(&store, ENHET).await), ["UNDERRETNING"]);

    // Told, and open for as long as it can be disputed.
    let told = tell(&store, &decided).await;
    assert_eq!(told.klagefrist, "2026-10-22");
    let id = told.name.rsplit('/').next().unwrap();
    let until = Some(at("2026-10-22T22:00:00Z"));
    assert_eq!(facts(&store).await[&format!("sak/{id}")], until);
    assert_eq!(kinds(&waiting(&store, ENHET).await), Vec::<String>::new());
    let klage = complain(&store, &told, "").await.unwrap();
    let mut granted = told.clone();
    granted.avslag.truncate(1);
    granted.avslag[0] = refusal_of(Tjenestetype::Avlastning);
    granted.linjer = vec![line(Tjenestetype::RopOppfolging, "rop")];
    granted.hovedansvarlig = "enheter/rop".into();
    let request = OmgjorKlageRequest {
        name: klage.clone(),
        request_id: request_id(),
        begrunnelse: "Behovet er der".into(),
        vedtak: Some(granted),
        linjeslutt: Vec::new(),
    };
    kall!(store, hos(ENHET, "b2"), klage::rpc::omgjor, request).unwrap();
    let waits = read(&store, &told, 0).await.unwrap();
    let now = approve(&store, "b3", &waits).await.unwrap();
    assert_eq!((now.linjer.len(), now.avslag.len()), (1, 1));
    assert_eq!(states(&orders(&store).await), ["1 rop TILBUDT"]);
    let held = facts(&store).await;
    for fact in ["sak/{id}", "utforer/{id}/rop", "hovedansvarlig/{id}/rop"] {
        assert_eq!(held[&fact.replace("{id}", id)], None, "{fact}");
    }
}

/// Seen red: with the number of the content in place of the version that was
/// told.
async fn a_klage_is_over_the_version_that_was_told(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = fattet(&store).await;
    let told = tell(&store, &decided).await;
    let mut content = told.clone();
    content.linjer[0].maks_timer = 3.0;
    let proposed = propose(&store, &told, content).await.unwrap();
    let amended = approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!((amended.versjon, amended.underrettet_versjon), (2, 1));
    let over = async |versjon: i32| {
        let request = RegistrerKlageRequest {
            parent: P.into(),
            request_id: request_id(),
            vedtak: amended.name.clone(),
            grunn: "For få timer".into(),
            personens_onske: "Sagt i møte".into(),
            versjon,
            ..Default::default()
        };
        kall!(store, hos(ENHET, "a1"), klage::rpc::registrer, request)
    };
    for versjon in [2, 3, -1] {
        assert_eq!(fields(over(versjon).await), "versjon", "{versjon}");
    }
    over(0).await.unwrap();
    let request = ListKlagerRequest {
        parent: P.into(),
        ..Default::default()
    };
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let found = klage::rpc::list(&mut tx, request).await.unwrap().klager;
    assert_eq!(found[0].versjon, 1);
    drop(tx);
    tell(&store, &amended).await;
    assert_eq!(
        refusal(over(2).await).grunn,
        Feilgrunn::Konflikt,
        "one is open"
    );
}

/// Seen red: with the clocks from the registration.
async fn what_came_earlier_counts_from_the_day_it_came(database: Database) {
    let store = database.open(MIGRATIONS).await;
    // It is 1 October.
    let file = async |mottatt: &str, grunn: &str| {
        let request = MottaSoknadRequest {
            parent: P.into(),
            request_id: request_id(),
            eget_onske: "Mer hjelp".into(),
            kanal: Kanal::Brev.into(),
            mottatt: mottatt.into(),
            etterregistrert_grunn: grunn.into(),
            ..Default::default()
        };
        kall!(store, hos("nav", "n1"), soknad::rpc::motta, request)
    };
    for (day, field) in [
        ("2026-10-02", "mottatt"),
        ("2025-09-01", "mottatt"),
        ("2026-09-20", "etterregistrert_grunn"),
        ("20.9.2026", "mottatt"),
    ] {
        assert_eq!(fields(file(day, "").await), field, "{day}");
    }
    file("2026-09-20", "Lå i feil kurv").await.unwrap();
    let list = waiting(&store, ENHET).await;
    let due = Tid::try_from(list[0].frist.unwrap()).unwrap();
    assert_eq!(due, at("2026-10-20T22:00:00Z"), "a month");
    let application = newest(&store).await;
    map(&store, &application).await;
    let lines = vec![line(Tjenestetype::RopOppfolging, "rop")];
    let drafted = draft(&store, with_lines(&application, lines, "rop")).await;
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();

    // The letter went on the 5th and is recorded on the 7th.
    database.clock().set(at("2026-10-07T10:00:00Z"));
    let told_on = async |day: &str| {
        let request = UnderrettVedtakRequest {
            name: decided.name.clone(),
            request_id: request_id(),
            mate: "brev".into(),
            underrettet: day.into(),
            ..Default::default()
        };
        let by = hos(ENHET, "a1");
        kall!(store, by, vedtak::rpc::underrett, request).map(|told| told.vedtak.unwrap())
    };
    assert_eq!(fields(told_on("2026-09-30").await), "underrettet");
    let told = told_on("2026-10-05").await.unwrap();
    assert_eq!(told.klagefrist, "2026-10-26");
    // Posted in time, and registered after.
    database.clock().set(at("2026-10-30T10:00:00Z"));
    let klage = async |mottatt: &str| {
        let request = RegistrerKlageRequest {
            parent: P.into(),
            request_id: request_id(),
            vedtak: told.name.clone(),
            grunn: "For få timer".into(),
            personens_onske: "Sagt i møte".into(),
            mottatt: mottatt.into(),
            ..Default::default()
        };
        kall!(store, hos(ENHET, "a1"), klage::rpc::registrer, request)
    };
    assert_eq!(fields(klage("").await), "forsinket_grunn");
    assert_eq!(fields(klage("2026-10-27").await), "forsinket_grunn");
    klage("2026-10-26").await.unwrap();
    let list = waiting(&store, ENHET).await.into_iter();
    let mut of_klage = list.filter(|post| post.r#type() == Ventetype::Klage);
    let due = Tid::try_from(of_klage.next().unwrap().frist.unwrap()).unwrap();
    assert_eq!(due, at("2026-11-26T23:00:00Z"), "a month");
}

/// Seen red: with the whole line ordered from each unit.
async fn units_share_the_hours_of_a_line(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let mut shared = line(Tjenestetype::RopOppfolging, "rop");
    shared.enheter.push("enheter/bom".into());
    let share = |unit: &str, min_timer: f64, maks_timer: f64| Enhetsandel {
        enhet: format!("enheter/{unit}"),
        min_timer,
        maks_timer,
    };
    let attempt = async |andeler: Vec<Enhetsandel>| {
        let mut line = shared.clone();
        line.andeler = andeler;
        let request = OpprettVedtakRequest {
            parent: P.into(),
            request_id: request_id(),
            vedtak: Some(with_lines(&application, vec![line], "rop")),
        };
        kall!(store, hos(ENHET, "a1"), vedtak::rpc::opprett, request)
    };
    // The line has 1.5 to 4 hours.
    for (andeler, field) in [
        (vec![share("rop", 1.0, 2.0)], "vedtak.linjer[0].andeler"),
        (
            vec![share("rop", 1.0, 3.0), share("bom", 1.0, 2.0)],
            "vedtak.linjer[0].andeler",
        ),
        (
            vec![share("rop", 0.5, 2.0), share("bom", 0.5, 2.0)],
            "vedtak.linjer[0].andeler",
        ),
        (
            vec![share("rop", 1.0, 2.0), share("nav", 1.0, 2.0)],
            "vedtak.linjer[0].andeler",
        ),
        (
            vec![share("rop", 3.0, 2.0), share("bom", 1.0, 2.0)],
            "vedtak.linjer[0].andeler[0].min_timer",
        ),
    ] {
        assert_eq!(fields(attempt(andeler).await), field);
    }
    let shares = vec![share("rop", 1.0, 3.0), share("bom", 0.5, 1.0)];
    let drafted = attempt(shares.clone()).await.unwrap().vedtak.unwrap();
    let sent = send(&store, hos(ENHET, "a1"), &drafted).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();
    assert_eq!(decided.linjer[0].andeler, shares);
    let hours = async || -> Vec<(String, f64, f64)> {
        let mut all = orders(&store).await;
        all.sort_by(|a, b| b.enhet.cmp(&a.enhet));
        let each = all.into_iter();
        each.map(|order| (order.enhet, order.min_timer, order.maks_timer))
            .collect()
    };
    let (rop, bom) = ("enheter/rop".to_owned(), "enheter/bom".to_owned());
    assert_eq!(
        hours().await,
        [(rop.clone(), 1.0, 3.0), (bom.clone(), 0.5, 1.0)]
    );
    // Without shares they are equal.
    let mut content = decided.clone();
    content.linjer[0].andeler.clear();
    let proposed = propose(&store, &decided, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!(hours().await, [(rop, 0.75, 2.0), (bom, 0.75, 2.0)]);
}
