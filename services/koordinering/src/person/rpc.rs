//! `PersonService`, one function per RPC.

use samspor_chassis::{
    domene::fodselsnummer::Regler,
    error::{Error, FieldFaults},
    store::{NewEvent, Tx, etag},
};
use samspor_proto::koordinering::{
    HentPersonRequest, HentPersonResponse, OppdaterPersonRequest, OppdaterPersonResponse,
    Person as PersonMessage, SikrePersonRequest, SikrePersonResponse,
};

use super::{identitet, rules, store, visningsnavn_sted};
use crate::{ENHET, navn, settings::Settings};

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

fn emit(tx: &mut Tx, type_: &'static str, person: &str, mottakere: Vec<String>) {
    tx.emit(NewEvent {
        type_,
        person,
        post: &navn::person(person),
        eier: ENHET,
        mottakere,
    });
}
