//! What the person can count on, through the handlers and the store: a refusal
//! of a unit, a notice, a klage, and that nobody decides alone.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use samspor_chassis::{
    error::Error,
    params,
    store::Store,
    testing::{Database, Tid, request_id},
};
use samspor_proto::{bestillerkontor::*, felles::Faktum};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, hos, kall, klar},
    forlopsprove::*,
    soknad,
};

samspor_chassis::on_both_databases! {
    a_unit_that_the_person_refuses_is_named_in_no_vedtak,
}

/// The relations that are open now or later, by id, with their end.
pub(crate) async fn facts(store: &Store) -> BTreeMap<String, Option<Tid>> {
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let sql = "SELECT faktum FROM chassis_faktum ORDER BY nr";
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    let mut open = BTreeMap::new();
    for (row,) in rows {
        let bytes = BASE64_STANDARD.decode(row).unwrap();
        let fact = Faktum::decode(bytes.as_slice()).unwrap();
        let til = fact.periode.unwrap().til;
        let til = til.map(|til| Tid::try_from(til).unwrap());
        if til.is_some_and(|til| til <= tx.now()) {
            open.remove(&fact.id);
        } else {
            open.insert(fact.id, til);
        }
    }
    open
}

async fn refuse(store: &Store, soknad: &str, units: &[&str]) {
    let refused = |unit: &&str| Kontaktsamtykke {
        enhet: format!("enheter/{unit}"),
        tillatt: false,
    };
    let request = SettKontaktsamtykkeRequest {
        name: soknad.into(),
        request_id: request_id(),
        reservert_kontakt: false,
        kontaktsamtykker: units.iter().map(refused).collect(),
    };
    let by = hos(ENHET, "a1");
    kall!(store, by, soknad::rpc::sett_kontaktsamtykke, request).unwrap();
}

/// Refused at the decision, not afterwards; and the vedtak does not open to
/// the unit what the person closed.
///
/// Seen red: without `krev_ikke_nektet` in `send`, in `fatt` and in
/// `krev_ny_versjon`, one at a time; and with `avslutt` ending the refusal.
async fn a_unit_that_the_person_refuses_is_named_in_no_vedtak(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let (application, drafted) = klar(&store).await;
    let by = || hos(ENHET, "a1");
    let try_send = async |draft: &Vedtak| -> Result<_, Error> {
        let request = SendTilGodkjenningRequest {
            name: draft.name.clone(),
            request_id: request_id(),
            etag: draft.etag.clone(),
        };
        kall!(store, by(), crate::vedtak::rpc::send, request)
    };
    refuse(&store, &application, &["rop", "nav", "boligkontor"]).await;
    assert_eq!(
        fields(try_send(&drafted).await),
        "vedtak.linjer[0].enheter[0] vedtak.parter[0] vedtak.bolig.enhet vedtak.hovedansvarlig"
    );
    refuse(&store, &application, &[]).await;
    let sent = send(&store, by(), &drafted).await;
    refuse(&store, &application, &["bom"]).await;
    let refused = decide(&store, hos(ENHET, "b1"), &sent).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    refuse(&store, &application, &["hjemmetjeneste"]).await;
    let decided = decide(&store, hos(ENHET, "b1"), &sent).await.unwrap();

    let id = application.rsplit('/').next().unwrap();
    let closed = async || -> Vec<String> {
        let of = format!("kontakt/{id}/");
        let open = facts(&store).await;
        let open = open.keys().filter_map(|fact| fact.strip_prefix(&of));
        open.map(str::to_owned).collect()
    };
    let held = ["hjemmetjeneste/kartlegging", "hjemmetjeneste/soknad"];
    assert_eq!(closed().await, held);

    let mut content = decided.clone();
    content.linjer[1].enheter = vec!["enheter/hjemmetjeneste".into()];
    let refused = propose(&store, &decided, content.clone()).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    // Nor without a vedtak, while an application is open.
    let open = ready_again(&store).await;
    refuse(&store, &open, &["hjemmetjeneste"]).await;
    let refused = short(&store, "2026-10-02", "2026-10-05").await;
    assert_eq!(fields(refused), "enhet");

    // The person says otherwise, and again before it is decided.
    refuse(&store, &application, &[]).await;
    assert_eq!(closed().await, Vec::<String>::new());
    let proposed = propose(&store, &decided, content).await.unwrap();
    refuse(&store, &application, &["hjemmetjeneste"]).await;
    let refused = approve(&store, "b1", &proposed).await;
    assert_eq!(fields(refused), "vedtak.linjer[1].enheter[0]");
    refuse(&store, &application, &[]).await;
    approve(&store, "b1", &proposed).await.unwrap();
}

/// Another application of the same person.
async fn ready_again(store: &Store) -> String {
    let request = MottaSoknadRequest {
        parent: P.into(),
        request_id: request_id(),
        eget_onske: "Mer hjelp".into(),
        kanal: Kanal::Telefon.into(),
        ..Default::default()
    };
    kall!(store, hos("nav", "n1"), soknad::rpc::motta, request).unwrap();
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let sql = "SELECT id FROM soknad WHERE tilstand = 'MOTTATT'";
    let rows: Vec<(String,)> = tx.all(sql, params![]).await.unwrap();
    format!("{P}/soknader/{}", rows[0].0)
}
