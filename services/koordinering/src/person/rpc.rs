//! `PersonService`, one function per RPC.

use std::collections::BTreeSet;

use samspor_chassis::{
    error::{Error, FieldFaults, Refusal},
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

use super::{Person, fodselsnummer::Regler, identitet, rules, store, visningsnavn_sted};
use crate::{
    Aktor, ENHET, ansvar, navn, reservasjon,
    settings::Settings,
    vern::{self, Vern},
};

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
    let ours = Side::les(tx, &remains).await?;
    let theirs = Side::les(tx, &merged).await?;
    // The gateway has authorized `name` alone.
    theirs.kan_vites_av(&Aktor::from(&tx.call().actor))?;
    rules::kan_slas_sammen(&remains, &merged)?;
    ours.ingen_uten_ansvarlig(&theirs)?;
    theirs.ingen_uten_ansvarlig(&ours)?;

    let who = Aktor::from(&tx.call().actor);
    store::ta_i_bruk(tx, &remains.id).await?;
    store::ta_i_bruk(tx, &merged.id).await?;
    store::slaa_sammen(tx, &remains, &merged, &who, &why).await?;
    for id in &theirs.ider {
        let fact = sammenslatt(tx, id, &remains.id, &who);
        tx.fact(fact);
    }
    ours.gjelder_ogsa(&theirs, tx);
    theirs.gjelder_ogsa(&ours, tx);
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

/// One side of a merge: the ids of a person and what restricts them.
struct Side {
    ider: Vec<String>,
    vern: Vec<Vern>,
    reservasjoner: Vec<reservasjon::Reservasjon>,
    ansvarlige: Vec<String>,
}

impl Side {
    async fn les(tx: &mut Tx, person: &Person) -> Result<Self, Error> {
        let ider = store::alle_ider(tx, person).await?;
        let mut side = Self {
            vern: Vec::new(),
            reservasjoner: Vec::new(),
            ansvarlige: Vec::new(),
            ider,
        };
        for id in &side.ider {
            side.vern.extend(vern::store::som_virker(tx, id).await?);
            side.reservasjoner
                .extend(reservasjon::store::gjeldende(tx, id).await?);
            side.ansvarlige.extend(ansvar::ansvarlige(tx, id).await?);
        }
        Ok(side)
    }

    /// Whoever may not know of the person hears that there is none.
    fn kan_vites_av(&self, hvem: &Aktor) -> Result<(), Refusal> {
        if self.vern.iter().any(|vern| vern.skjuler_for(hvem)) {
            return Err(Refusal::not_found());
        }
        Ok(())
    }

    /// The protections of this side will hold for the other, whose open needs
    /// must not lose their responsible unit by it.
    fn ingen_uten_ansvarlig(&self, other: &Self) -> Result<(), Refusal> {
        let units: BTreeSet<String> = other.ansvarlige.iter().cloned().collect();
        let units: Vec<String> = units.into_iter().collect();
        self.vern
            .iter()
            .try_for_each(|vern| vern::rules::ingen_uten_ansvarlig(&vern.innhold, &units))
    }

    /// States what restricts this side for the ids of the other.
    fn gjelder_ogsa(&self, other: &Self, tx: &mut Tx) {
        let protected = other
            .vern
            .iter()
            .any(|vern| vern.innhold.mandat().is_some());
        for id in &other.ider {
            for vern in &self.vern {
                for fact in vern.fakta(id, !protected) {
                    tx.fact(fact);
                }
            }
            for objection in &self.reservasjoner {
                tx.fact(objection.faktum(id));
            }
        }
    }
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
