//! `PersonService`, one function per RPC.

use samspor_chassis::{
    error::{Error, FieldFaults},
    store::{NewEvent, Tx, etag},
};
use samspor_proto::{
    felles::{Faktum, Faktumtype, Part, Periode, part},
    koordinering::{
        HentPersonRequest, HentPersonResponse, OppdaterPersonRequest, OppdaterPersonResponse,
        Person as PersonMessage, SikrePersonRequest, SikrePersonResponse, SlaSammenPersonerRequest,
        SlaSammenPersonerResponse,
    },
};

use super::{fodselsnummer::Regler, identitet, rules, store, visningsnavn_sted};
use crate::{Aktor, ENHET, krets::Krets, navn, settings::Settings, vern};

/// The id of whoever has an identity number; never whether it was new.
pub(crate) async fn sikre(
    tx: &mut Tx,
    request: SikrePersonRequest,
) -> Result<SikrePersonResponse, Error> {
    let settings = tx.settings::<Settings>()?;
    let regler = Regler::ved(tx.now(), settings.syntetiske);
    let number = rules::les_nummer(&request.fodselsnummer, regler)?;
    store::bruk_kvote(tx, settings.kvote).await?;
    let id = store::sikre(tx, &settings, &number).await?;
    Ok(SikrePersonResponse {
        person: navn::person(&id),
    })
}

/// Who a person is.
pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentPersonRequest,
) -> Result<HentPersonResponse, Error> {
    let person = super::finn(tx, &request.name, "name").await?;
    let settings = tx.settings::<Settings>()?;
    let identiteter = store::identiteter(tx, &settings, &person).await?;
    let visningsnavn = match &person.visningsnavn {
        None => String::new(),
        Some(sealed) => settings
            .nokler
            .apne(&visningsnavn_sted(&person.id), sealed)
            .map_err(Error::internal)?,
    };
    Ok(HentPersonResponse {
        person: Some(PersonMessage {
            name: navn::person(&person.id),
            etag: etag::etag(person.versjon),
            identiteter: identiteter.iter().map(identitet).collect(),
            visningsnavn,
            sammenslatt_med: person
                .sammenslatt_med
                .as_deref()
                .map(navn::person)
                .unwrap_or_default(),
            eier: navn::enhet(ENHET),
            skjerming: None,
        }),
    })
}

/// Sets the name that staff use.
pub(crate) async fn oppdater(
    tx: &mut Tx,
    request: OppdaterPersonRequest,
) -> Result<OppdaterPersonResponse, Error> {
    let person = super::finn(tx, &request.name, "name").await?;
    let mut faults = FieldFaults::new();
    if request.etag.is_empty() {
        faults.missing("etag");
    }
    let name = rules::les_visningsnavn(&request.visningsnavn, &mut faults);
    faults.finish()?;
    let settings = tx.settings::<Settings>()?;
    store::ta_i_bruk(tx, &person.id).await?;
    rules::er_i_kraft(&person)?;
    etag::check(&request.etag, person.versjon)?;
    let sealed = name
        .map(|name| {
            settings
                .nokler
                .forsegl(&visningsnavn_sted(&person.id), &name)
        })
        .transpose()
        .map_err(Error::internal)?;
    let version = store::sett_visningsnavn(tx, &person, sealed).await?;
    emit(tx, "PersonOppdatert", &person.id, Vec::new());
    Ok(OppdaterPersonResponse {
        person: navn::person(&person.id),
        etag: etag::etag(version),
    })
}

/// Merges two ids of one person; for the koordinerende enhet alone, because it
/// reaches every unit's records of both.
pub(crate) async fn sla_sammen(
    tx: &mut Tx,
    request: SlaSammenPersonerRequest,
) -> Result<SlaSammenPersonerResponse, Error> {
    let remains = super::finn(tx, &request.name, "name").await?;
    rules::kan_sla_sammen(tx.call())?;
    let mut faults = FieldFaults::new();
    let merged = navn::les_person(&request.duplikat, "duplikat", &mut faults);
    let why = vern::rules::reason(&request.begrunnelse, "begrunnelse", &mut faults);
    faults.finish()?;

    vern::store::en_om_gangen(tx).await?;
    // Again: it may have been merged before this one had the lock.
    let remains = store::hent(tx, &remains.id).await?;
    let merged = store::hent(tx, &merged).await?;
    let ours = Krets::les(tx, &remains).await?;
    let theirs = Krets::les(tx, &merged).await?;
    // The gateway has authorized `name` alone.
    theirs.kan_vites_av(&Aktor::from(&tx.call().actor))?;
    rules::kan_slas_sammen(&remains, &merged)?;
    let moved = theirs.ider.clone();
    let both = ours.med(theirs);
    both.ingen_uten_ansvarlig()?;

    let who = Aktor::from(&tx.call().actor);
    store::ta_i_bruk(tx, &remains.id).await?;
    store::ta_i_bruk(tx, &merged.id).await?;
    store::slaa_sammen(tx, &remains, &merged, &who, &why).await?;
    for id in &moved {
        let fact = sammenslatt(tx, id, &remains.id, &who);
        tx.fact(fact);
    }
    both.si_alt(tx);
    let settings = tx.settings::<Settings>()?;
    emit(
        tx,
        "PersonSammenslatt",
        &merged.id,
        settings.varslede.clone(),
    );
    emit(
        tx,
        "PersonSammenslatt",
        &remains.id,
        settings.varslede.clone(),
    );
    Ok(SlaSammenPersonerResponse {
        person: navn::person(&remains.id),
    })
}

fn sammenslatt(tx: &Tx, id: &str, into: &str, who: &Aktor) -> Faktum {
    Faktum {
        id: format!("sammenslatt/{id}"),
        subjekt: id.to_owned(),
        part: Some(Part {
            hvem: Some(part::Hvem::Person(into.to_owned())),
        }),
        r#type: Faktumtype::Sammenslatt.into(),
        periode: Some(Periode {
            fra: Some(tx.now().into()),
            til: None,
        }),
        opprettet_av: who.ansatt.clone(),
        ..Faktum::default()
    }
}

fn emit(tx: &mut Tx, type_: &'static str, person: &str, mottakere: Vec<String>) {
    tx.emit(NewEvent {
        type_,
        person,
        post: &navn::person(person),
        eier: ENHET,
        mottakere,
    });
}
