//! What the tests against a store have in common.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use samspor_chassis::{
    call::Call,
    deadlines::Ticker,
    params,
    server::Agency as _,
    store::Store,
    testing::{Database, TestCall, request_id},
};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Hjemmel, Rolle},
    nav::{
        Behovsarsak, Botilbud, Kvalitet, Kvalitetspunkt, Kvalitetssvar, ListBotilbudRequest,
        ListOppgaverRequest, MeldBehovRequest, Meldekanal, Plasstype, RegistrerPlassRequest,
    },
};

use crate::{ENHET, Nav, botilbud, innboks, plass};

pub(crate) const P: &str = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";

/// Calls a handler that writes, as the server does.
macro_rules! kall {
    ($store:expr, $who:expr, $handler:path, $request:expr) => {{
        let request = $request;
        let id = request.request_id.clone();
        let written: Result<_, samspor_chassis::error::Error> = $store
            .write($who, &id, move |tx| {
                futures::FutureExt::boxed($handler(tx, request))
            })
            .await;
        written.map(|written| written.svar)
    }};
}

/// What a handler that reads answers to the unit.
macro_rules! les {
    ($store:expr, $handler:path, $request:expr) => {{
        let call = $crate::prove::hos("nav", "n9");
        let mut tx = $store.begin_read(call).await.unwrap();
        $handler(&mut tx, $request).await.unwrap()
    }};
}

/// Refused, and why.
macro_rules! avslag {
    ($store:expr, $who:expr, $handler:path, $request:expr) => {{
        let refused = kall!($store, $who, $handler, $request);
        let error = refused.expect_err(stringify!($handler));
        error.refusal().expect("a refusal").clone()
    }};
}

pub(crate) use {avslag, kall, les};

/// An employee who decides.
pub(crate) fn hos(enhet: &str, ansatt: &str) -> Arc<Call> {
    TestCall::new(enhet)
        .ansatt(ansatt)
        .rolle(Rolle::Beslutter)
        .build()
}

pub(crate) async fn apne(database: &Database) -> Store {
    database.open(Nav::migrations()).await
}

pub(crate) async fn tick(store: &Store) {
    let ticked = Ticker::new(store.clone(), Nav::on_deadline).tick().await;
    assert_eq!(ticked.unwrap().failed, 0);
}

/// Moves the clock to an instant.
pub(crate) fn klokka(database: &Database, at: &str) {
    database.clock().set(at.parse().unwrap());
}

pub(crate) fn hjemmel(paragraf: &str) -> Hjemmel {
    Hjemmel {
        lov: "sosialtjenesteloven".into(),
        paragraf: paragraf.into(),
    }
}

pub(crate) fn behov(person: &str) -> MeldBehovRequest {
    MeldBehovRequest {
        parent: person.into(),
        request_id: request_id(),
        kanal: Meldekanal::Oppmote.into(),
        arsak: Behovsarsak::Brudd.into(),
        eget_onske: "Et sted å sove".into(),
        ..Default::default()
    }
}

pub(crate) fn sjekkliste(svar: Kvalitetssvar) -> Vec<Kvalitet> {
    (1..)
        .map_while(|n| Kvalitetspunkt::try_from(n).ok())
        .map(|punkt| Kvalitet {
            punkt: punkt.into(),
            svar: svar.into(),
            merknad: String::new(),
        })
        .collect()
}

pub(crate) fn ny_plass(leverandor: &str, svar: Kvalitetssvar) -> RegistrerPlassRequest {
    RegistrerPlassRequest {
        parent: "enheter/nav".into(),
        request_id: request_id(),
        r#type: Plasstype::Hospits.into(),
        navn: "Hospitset".into(),
        adresse: "Storgata 1".into(),
        leverandor: leverandor.into(),
        senger: 40,
        pris_ore: 90_000,
        kvalitet: sjekkliste(svar),
        kontrollert: "2026-09-01".into(),
    }
}

/// The name of a place without a gap.
pub(crate) async fn plassen(store: &Store, leverandor: &str) -> String {
    let request = ny_plass(leverandor, Kvalitetssvar::Ja);
    let made = kall!(store, hos(ENHET, "n1"), plass::registrer, request);
    made.unwrap().plass.unwrap().name
}

/// What is registered about a person, newest first.
pub(crate) async fn botilbudene(store: &Store, person: &str) -> Vec<Botilbud> {
    let request = ListBotilbudRequest {
        parent: person.into(),
        page_size: 200,
        ..Default::default()
    };
    les!(store, botilbud::rpc::list, request).botilbud
}

/// The name of a request for a bed that an employee registered now.
pub(crate) async fn meldt(store: &Store, person: &str, ansatt: &str) -> String {
    kall!(
        store,
        hos(ENHET, ansatt),
        botilbud::rpc::meld,
        behov(person)
    )
    .unwrap();
    botilbudene(store, person).await[0].name.clone()
}

/// Kinds of the tasks of a unit, that which breaks next first.
pub(crate) async fn oppgaver(store: &Store, enhet: &str) -> Vec<String> {
    let request = ListOppgaverRequest {
        parent: format!("enheter/{enhet}"),
        ..Default::default()
    };
    let tasks = les!(store, innboks::list, request).oppgaver;
    let kind = |task: &samspor_proto::nav::Oppgave| {
        let name = task.r#type().as_str_name();
        name.strip_prefix("OPPGAVETYPE_").unwrap().to_owned()
    };
    tasks.iter().map(kind).collect()
}

/// Types of the events that were addressed to a unit, oldest first.
pub(crate) async fn hendelser(store: &Store, enhet: &str) -> Vec<String> {
    let sql = "SELECT h.type FROM chassis_hendelse_mottaker m \
               JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 \
               ORDER BY m.hendelse";
    let mut tx = store.begin_read(hos(ENHET, "n9")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![enhet]).await.unwrap();
    rows.into_iter().map(|(kind,)| kind).collect()
}

/// Relations of a unit that hold now.
pub(crate) async fn relasjoner(store: &Store, person: &str) -> Vec<Faktumtype> {
    use prost::Message as _;
    let mut tx = store.begin_read(hos(ENHET, "n9")).await.unwrap();
    let rows: Vec<(String,)> = tx
        .all("SELECT faktum FROM chassis_faktum ORDER BY nr", params![])
        .await
        .unwrap();
    let mut last = std::collections::BTreeMap::new();
    for (text,) in rows {
        use base64::Engine as _;
        let bytes = base64::prelude::BASE64_STANDARD.decode(text).unwrap();
        let fact = Faktum::decode(bytes.as_slice()).unwrap();
        last.insert(fact.id.clone(), fact);
    }
    let open = |fact: &&Faktum| fact.periode.as_ref().is_none_or(|held| held.til.is_none());
    let held = last.values().filter(open);
    held.filter(|fact| person.ends_with(&fact.subjekt))
        .map(Faktum::r#type)
        .collect()
}
