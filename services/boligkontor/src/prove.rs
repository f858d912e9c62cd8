//! What the tests of the handlers share: who calls, and a stock.

use std::sync::Arc;

use samspor_chassis::{
    call::Call,
    error::Refusal,
    params,
    store::Store,
    testing::{Database, TestCall, request_id},
};
use samspor_proto::{
    boligkontor::*, felles::Feilgrunn, internt::Boligtildeler, klassifisering::Klasser,
};

use crate::{ENHET, MIGRATIONS, Regler, bolig, boligsak, leieforhold, reservasjon};

pub(crate) const P: &str = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
pub(crate) const Q: &str = "personer/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
pub(crate) const KONTORET: &str = "enheter/boligkontor";

/// Calls a handler as the table of the service does.
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
pub(crate) use kall;

/// The faults of a refusal: `field reason`, or the reason alone.
pub(crate) fn feil<T>(answer: Result<T, samspor_chassis::error::Error>) -> Vec<String> {
    let error = answer.err().expect("a refusal");
    let refusal = error.refusal().expect("a refusal and no defect");
    if refusal.felt.is_empty() {
        return vec![refusal.grunn.as_str_name().to_owned()];
    }
    let fault = |fault: &samspor_chassis::error::FieldFault| {
        let reason = fault.grunn.as_str_name();
        format!("{} {}", fault.felt, reason.trim_start_matches("FEILGRUNN_"))
    };
    refusal.felt.iter().map(fault).collect()
}

/// Karmøy: who allocates which type.
pub(crate) fn tildelere() -> Vec<Boligtildeler> {
    [
        ("midlertidig", "nav"),
        ("kommunal_utleie", "rop"),
        ("hardfor", "rop"),
        ("omsorgsbolig", "bestillerkontor"),
    ]
    .map(|(type_, unit)| Boligtildeler {
        boligtype: type_.into(),
        enheter: vec![unit.into()],
    })
    .into()
}

pub(crate) fn hos(enhet: &str, ansatt: &str) -> Arc<Call> {
    skjult(enhet, ansatt, &[])
}

/// The same about a person who is hidden from all but some units.
pub(crate) fn skjult(enhet: &str, ansatt: &str, mandaterte: &[&str]) -> Arc<Call> {
    TestCall::new(enhet)
        .ansatt(ansatt)
        .with(|permit| {
            permit.boligtildelere = tildelere();
            permit.kommune = "karmoy".into();
            permit.mandaterte = mandaterte.iter().map(|one| (*one).to_owned()).collect();
            permit.klasser = Klasser::alle().iter().map(Into::into).collect();
        })
        .build()
}

/// The store of a service that was started for Karmøy.
pub(crate) async fn lager(database: &Database) -> Store {
    let store = database.open(MIGRATIONS).await;
    store.with_settings(Regler::innebygd("karmoy").unwrap())
}

/// The person.
pub(crate) fn personen(person: &str) -> Arc<Call> {
    TestCall::new("")
        .innbygger(person.trim_start_matches("personer/"))
        .build()
}

/// An ordinary flat of a type.
pub(crate) fn leilighet(type_: Tildelingstype) -> Boligegenskaper {
    Boligegenskaper {
        navn: "Torvet 3".into(),
        adresse: "Torvet 3, 2. etasje".into(),
        omrade: "Kopervik".into(),
        boligform: Boligform::Ordinaer.into(),
        tildelingstype: type_.into(),
        eierform: Eierform::Kommunal.into(),
        bemanning: Bemanning::Ingen.into(),
        soverom: 1,
        kvadratmeter: 45,
        etasje: 2,
        bomiljo: Bomiljo::Ordinaert.into(),
        husregler: vec!["Ro etter kl. 23".into()],
        meter_butikk: 300,
        meter_buss: 150,
        meter_tjenester: 900,
        standard: Standard::God.into(),
        husleie: 8500,
        kostnad_per_dag: 280,
        ..Default::default()
    }
}

/// A dwelling of the stock that can be had.
pub(crate) async fn ledig(store: &Store, nokkel: &str, type_: Tildelingstype) -> Bolig {
    ledig_som(store, nokkel, leilighet(type_)).await
}

/// One that is like this.
pub(crate) async fn ledig_som(store: &Store, nokkel: &str, som: Boligegenskaper) -> Bolig {
    let request = RegistrerBoligRequest {
        parent: KONTORET.into(),
        request_id: request_id(),
        nokkel: nokkel.into(),
        egenskaper: Some(som),
    };
    let answer = kall!(store, hos(ENHET, "b1"), bolig::rpc::registrer, request).unwrap();
    let request = MeldKlargjortRequest {
        name: answer.bolig.unwrap().name,
        request_id: request_id(),
    };
    let answer = kall!(store, hos(ENHET, "b1"), bolig::rpc::meld_klargjort, request).unwrap();
    answer.bolig.unwrap()
}

/// A case of the person's on the list of a type; for temporary housing the name
/// of a stay.
pub(crate) async fn sak(store: &Store, person: &str, type_: Tildelingstype) -> String {
    if type_ == Tildelingstype::Midlertidig {
        return format!("{person}/opphold/0192f0a1-7b2c-7d3e-8f40-516273849506");
    }
    boligsak::prove::godkjent(store, person, type_, &[])
        .await
        .name
}

/// Asks for a dwelling for the person of a case.
pub(crate) fn onske(sak: &str, bolig: &str) -> ReserverBoligRequest {
    let person = sak.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    ReserverBoligRequest {
        parent: person,
        request_id: request_id(),
        bolig: bolig.into(),
        grunnlag: sak.into(),
        begrunnelse: "Nær dem som leverer tjenestene".into(),
        ..Default::default()
    }
}

/// A person rents a dwelling of the stock: reserved and accepted, where it is
/// offered, and the contract made.
pub(crate) async fn leid(store: &Store, nokkel: &str, type_: Tildelingstype) -> Leieforhold {
    let held = holdt(store, P, nokkel, type_).await;
    let request = kontrakt(&held.name);
    let made = kall!(store, hos(ENHET, "b1"), leieforhold::rpc::innga, request).unwrap();
    les(store, &made.reservasjon.unwrap().leieforhold).await
}

/// A dwelling is held for a person, and accepted where it is offered.
pub(crate) async fn holdt(
    store: &Store,
    person: &str,
    nokkel: &str,
    type_: Tildelingstype,
) -> Reservasjon {
    let free = ledig(store, nokkel, type_).await;
    let unit = match type_ {
        Tildelingstype::Midlertidig => "nav",
        Tildelingstype::Omsorgsbolig => "bestillerkontor",
        _ => "rop",
    };
    let asked = onske(&sak(store, person, type_).await, &free.name);
    let held = kall!(store, hos(unit, "r1"), reservasjon::rpc::reserver, asked).unwrap();
    let held = held.reservasjon.unwrap();
    if type_ == Tildelingstype::Midlertidig {
        return held;
    }
    let offer = TilbyBoligRequest {
        name: held.name,
        request_id: request_id(),
        etag: held.etag,
        svarfrist: None,
    };
    let held = kall!(store, hos(unit, "r1"), reservasjon::rpc::tilby, offer).unwrap();
    let yes = SvarTilbudRequest {
        name: held.reservasjon.unwrap().name,
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    let held = kall!(store, personen(person), reservasjon::rpc::svar, yes).unwrap();
    held.reservasjon.unwrap()
}

/// The contract of a reservation, as long as it usually is.
pub(crate) fn kontrakt(reservasjon: &str) -> InngaKontraktRequest {
    InngaKontraktRequest {
        name: reservasjon.into(),
        request_id: request_id(),
        oppfolgere: vec!["enheter/bom".into()],
        ..Default::default()
    }
}

/// A tenancy as it is now.
pub(crate) async fn les(store: &Store, name: &str) -> Leieforhold {
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let request = HentLeieforholdRequest { name: name.into() };
    let read = leieforhold::rpc::hent(&mut tx, request).await.unwrap();
    read.leieforhold.unwrap()
}

/// Types of the events that were addressed to a unit, oldest first.
pub(crate) async fn hendelser(store: &Store, enhet: &str) -> Vec<String> {
    let sql = "SELECT h.type FROM chassis_hendelse_mottaker m \
               JOIN chassis_hendelse h ON h.nr = m.hendelse WHERE m.mottaker = $1 \
               ORDER BY m.hendelse";
    let mut tx = store.begin_read(hos(ENHET, "b9")).await.unwrap();
    let rows: Vec<(String,)> = tx.all(sql, params![enhet]).await.unwrap();
    rows.into_iter().map(|(kind,)| kind).collect()
}

/// Holds every cell of a state × verb table (`tests/data/*.csv`: the state
/// after, or `-` for refused) against the rules.
pub(crate) fn hver_celle(
    table: &str,
    states: &[&'static str],
    verb: impl Fn(&str, &'static str) -> Result<&'static str, Refusal>,
) {
    let mut rows = table.lines().map(|row| row.split(';').collect::<Vec<_>>());
    let verbs = rows.next().unwrap();
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), states.len());
    for (row, state) in rows.iter().zip(states) {
        assert_eq!((row[0], row.len()), (*state, verbs.len()));
        for (name, expected) in verbs.iter().zip(row).skip(1) {
            match verb(name, state) {
                Ok(after) => assert_eq!(after, *expected, "{row:?} {name}"),
                Err(refusal) => {
                    let told = (refusal.grunn, *expected);
                    assert_eq!(told, (Feilgrunn::UgyldigOvergang, "-"), "{row:?} {name}");
                }
            }
        }
    }
}
