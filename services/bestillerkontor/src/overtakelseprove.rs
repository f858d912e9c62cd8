//! A service without a vedtak that goes on by one, through the handlers and the
//! store: no gap, and nothing twice.

use samspor_chassis::{
    error::Error,
    store::Store,
    testing::{Database, request_id},
};
use samspor_proto::bestillerkontor::*;

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, hos, kall},
    forlopsprove::*,
    kortvarigprove::short,
    rettsprove::facts,
    vedtak,
};

samspor_chassis::on_both_databases! {
    a_short_service_goes_on_under_a_line,
    a_short_service_goes_on_under_an_amendment,
}

fn nursing(fra: &str, continues: &[&Oppdrag]) -> Tjenestelinje {
    Tjenestelinje {
        fra: fra.into(),
        fra_kortvarig: continues.iter().map(|order| order.name.clone()).collect(),
        ..line(Tjenestetype::Hjemmesykepleie, "hjemmetjeneste")
    }
}

async fn try_send(store: &Store, application: &str, line: Tjenestelinje) -> Result<Vedtak, Error> {
    let content = with_lines(application, vec![line], "hjemmetjeneste");
    let request = |of: &Vedtak| OppdaterVedtakRequest {
        name: of.name.clone(),
        request_id: request_id(),
        etag: of.etag.clone(),
        vedtak: Some(content.clone()),
    };
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let list = ListVedtakRequest {
        parent: P.into(),
        ..Default::default()
    };
    let mut drafts = vedtak::rpc::list(&mut tx, list).await.unwrap().vedtak;
    drop(tx);
    let drafted = match drafts.pop() {
        None => draft(store, content.clone()).await,
        Some(had) => {
            let by = hos(ENHET, "a1");
            let updated = kall!(store, by, vedtak::rpc::oppdater, request(&had)).unwrap();
            updated.vedtak.unwrap()
        }
    };
    let request = SendTilGodkjenningRequest {
        name: drafted.name.clone(),
        request_id: request_id(),
        etag: drafted.etag,
    };
    let sent = kall!(store, hos(ENHET, "a1"), vedtak::rpc::send, request)?;
    Ok(sent.vedtak.unwrap())
}

/// Seen red: without the look at short orders that overlap; with a line that
/// begins whenever; and with the line offered beside the short order.
async fn a_short_service_goes_on_under_a_line(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let order = short(&store, "2026-10-01", "2026-10-14").await.unwrap();
    accept(&store, &order).await;
    begin(&store, &order).await;

    let other = Oppdrag {
        name: format!("{P}/oppdrag/01"),
        ..order.clone()
    };
    let of_rop = Tjenestelinje {
        fra_kortvarig: vec![order.name.clone()],
        ..line(Tjenestetype::RopOppfolging, "hjemmetjeneste")
    };
    let ending = Tjenestelinje {
        til: "2026-10-10".into(),
        ..nursing("2026-10-01", &[&order])
    };
    let (unit, named) = (
        "vedtak.linjer[0].enheter[0]",
        "vedtak.linjer[0].fra_kortvarig[0]",
    );
    for (line, field) in [
        (nursing("2026-10-14", &[]), unit),
        (nursing("2026-10-10", &[&other]), &format!("{named} {unit}")),
        (of_rop, named),
        (nursing("2026-10-16", &[&order]), "vedtak.linjer[0].fra"),
        (ending, "vedtak.linjer[0].til"),
    ] {
        let refused = try_send(&store, &application, line.clone()).await;
        assert_eq!(fields(refused), field, "{line:?}");
    }
    let sent = try_send(&store, &application, nursing("2026-10-15", &[&order])).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent.unwrap())
        .await
        .unwrap();
    assert!(decided.iverksatt.is_some(), "it is delivered already");

    let after = orders(&store).await;
    assert_eq!(states(&after), ["1 hjemmetjeneste STARTET"]);
    let id = order.name.rsplit('/').next().unwrap();
    assert_eq!(
        (&after[0].name, &after[0].vedtak),
        (&order.name, &decided.name)
    );
    assert!(!after[0].kortvarig && after[0].til.is_empty());
    let heard = events(&store, "hjemmetjeneste").await;
    assert!(heard.contains(&"OppdragEndret".to_owned()));
    let held = facts(&store).await;
    assert!(!held.contains_key(&format!("bestiller/{id}")));
    let of_unit = decided.name.rsplit('/').next().unwrap();
    assert_eq!(held[&format!("utforer/{of_unit}/hjemmetjeneste")], None);

    // The last day of the short order is none of the line.
    database.clock().set(at("2026-10-14T22:00:00Z"));
    tick(&store).await;
    assert_eq!(states(&orders(&store).await), ["1 hjemmetjeneste STARTET"]);
    // What was taken over is still named when the vedtak is amended.
    let told = tell(&store, &decided).await;
    let mut content = told.clone();
    content.linjer[0].vilkar = vec!["Avtalt tid".into(), "Avtalt sted".into()];
    let proposed = propose(&store, &told, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    assert_eq!(states(&orders(&store).await), ["1 hjemmetjeneste STARTET"]);
}

/// Seen red: with the line of an amendment offered beside the short order.
async fn a_short_service_goes_on_under_an_amendment(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let decided = with_end(&store, "2026-12-31").await;
    let order = short(&store, "2026-10-01", "2026-10-07").await.unwrap();
    let mut content = decided.clone();
    content.linjer.push(nursing("2026-10-03", &[]));
    let refused = propose(&store, &decided, content.clone()).await;
    assert_eq!(fields(refused), "vedtak.linjer[2].enheter[0]");
    content.linjer[2].fra_kortvarig = vec![order.name.clone()];
    let proposed = propose(&store, &decided, content).await.unwrap();
    approve(&store, "b1", &proposed).await.unwrap();
    let after = orders(&store).await;
    assert_eq!(
        states(&after),
        ["1 rop TILBUDT", "2 bom TILBUDT", "3 hjemmetjeneste TILBUDT"]
    );
    assert_eq!(after[2].name, order.name);
    let id = decided.name.rsplit('/').next().unwrap();
    let held = facts(&store).await;
    assert_eq!(held[&format!("utforer/{id}/hjemmetjeneste")], None);
}
