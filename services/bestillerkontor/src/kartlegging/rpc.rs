//! `KartleggingService`: contract ↔ domain.

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{Tx, etag},
};
use samspor_proto::bestillerkontor::{
    FullforKartleggingRequest, FullforKartleggingResponse, HentKartleggingRequest,
    HentKartleggingResponse, KvitterVarselRequest, KvitterVarselResponse, ListInstrumenterRequest,
    ListInstrumenterResponse, ListKartleggingerRequest, ListKartleggingerResponse,
    OppdaterLivsomraderRequest, OppdaterLivsomraderResponse, RegistrerInstrumentRequest,
    RegistrerInstrumentResponse, ReviderKartleggingRequest, ReviderKartleggingResponse,
};

use super::{
    Kartlegging, Kvittering, SAMLING, Tilstand, Utgave,
    instrument::{self, Instrument},
    les as lesing,
    les::Kall,
    rules, store,
};
use crate::soknad;

pub(crate) async fn registrer_instrument(
    tx: &mut Tx,
    request: RegistrerInstrumentRequest,
) -> Result<RegistrerInstrumentResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let av = Aktor::from(&tx.call().actor);
    let kall = Kall {
        person: &person,
        av: &av,
        now: tx.now(),
        samtykker: &tx.call().samtykker,
    };
    let resultat = lesing::resultat(&request, &kall, &mut faults);
    faults.finish()?;
    let resultat = resultat.ok_or_else(ufullstendig)?;
    let arbeid = apne(tx, &person, &id, None).await?;
    let asks = !resultat.skar.varsler.is_empty();
    let utgave = rules::registrer(arbeid.siste(), resultat)?;
    let virkninger = rules::varsel(&arbeid.gjeldende, &utgave, asks, tx.now());
    let kartlegging = arbeid.lagre(tx, utgave).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(RegistrerInstrumentResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

pub(crate) async fn kvitter_varsel(
    tx: &mut Tx,
    request: KvitterVarselRequest,
) -> Result<KvitterVarselResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let mut said = |text: &str, field| felt::pakrevd(text, field, felt::LANG, &mut faults);
    let kvittering = Kvittering {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        vurdering: said(&request.vurdering, "vurdering"),
        varslet: said(&request.varslet, "varslet"),
    };
    faults.finish()?;
    // Also when the application is no longer mapped.
    let arbeid = les(tx, &person, &id, None).await?;
    let (utgave, virkninger) = rules::kvitter(&arbeid.gjeldende, arbeid.siste(), kvittering)?;
    let kartlegging = arbeid.lagre(tx, utgave).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(KvitterVarselResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

/// Whether an answer warns in the latest edition, and nobody has looked into it.
pub(crate) async fn varsel_venter(tx: &mut Tx, person: &str, id: &str) -> Result<bool, Error> {
    let latest = match store::neste(tx, id).await? {
        Some(next) => next,
        None => store::hent(tx, person, id).await?.utgave,
    };
    Ok(latest.innhold.varsel_venter())
}

pub(crate) async fn oppdater_livsomrader(
    tx: &mut Tx,
    request: OppdaterLivsomraderRequest,
) -> Result<OppdaterLivsomraderResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let av = Aktor::from(&tx.call().actor);
    let kall = Kall {
        person: &person,
        av: &av,
        now: tx.now(),
        samtykker: &tx.call().samtykker,
    };
    let livsomrader = lesing::livsomrader(&request, &kall, &mut faults);
    faults.finish()?;
    let arbeid = apne(tx, &person, &id, Some(&request.etag)).await?;
    let utgave = rules::oppdater_livsomrader(arbeid.siste(), livsomrader)?;
    let kartlegging = arbeid.lagre(tx, utgave).await?;
    Ok(OppdaterLivsomraderResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

pub(crate) async fn revider(
    tx: &mut Tx,
    request: ReviderKartleggingRequest,
) -> Result<ReviderKartleggingResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let grunn = felt::pakrevd(
        &request.revisjonsgrunn,
        "revisjonsgrunn",
        felt::LANG,
        &mut faults,
    );
    faults.finish()?;
    let arbeid = apne(tx, &person, &id, Some(&request.etag)).await?;
    let utgave = rules::revider(&arbeid.siste(), grunn)?;
    let kartlegging = arbeid.lagre(tx, utgave).await?;
    Ok(ReviderKartleggingResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

pub(crate) async fn fullfor(
    tx: &mut Tx,
    request: FullforKartleggingRequest,
) -> Result<FullforKartleggingResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    let av = Aktor::from(&tx.call().actor);
    let kall = Kall {
        person: &person,
        av: &av,
        now: tx.now(),
        samtykker: &tx.call().samtykker,
    };
    let funn = lesing::fullfort(&request, &kall, &mut faults);
    faults.finish()?;
    let arbeid = apne(tx, &person, &id, Some(&request.etag)).await?;
    let leverer = store::leverer(tx, &arbeid.gjeldende.soknad).await?;
    let (mut kartlegging, virkninger) = rules::fullfor(
        &arbeid.gjeldende,
        arbeid.siste(),
        funn,
        leverer,
        (av, tx.now()),
    )?;
    let before = &arbeid.gjeldende.utgave;
    store::skift(tx, &kartlegging.id, kartlegging.utgave.nr, before).await?;
    store::lagre(tx, &mut kartlegging).await?;
    crate::innboks::utfor(tx, virkninger).await?;
    Ok(FullforKartleggingResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentKartleggingRequest,
) -> Result<HentKartleggingResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    if request.utgave < 0 {
        faults.range("utgave", 0, i32::MAX);
    }
    faults.finish()?;
    let mut kartlegging = store::hent(tx, &person, &id).await?;
    if request.utgave != 0 && request.utgave != kartlegging.utgave.nr {
        let utgave = store::utgave(tx, &id, request.utgave).await?;
        kartlegging = kartlegging.i_utgave(utgave);
    }
    Ok(HentKartleggingResponse {
        kartlegging: Some(kartlegging.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListKartleggingerRequest,
) -> Result<ListKartleggingerResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (records, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListKartleggingerResponse {
        kartlegginger: records.iter().map(Kartlegging::to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn list_instrumenter(
    _tx: &mut Tx,
    request: ListInstrumenterRequest,
) -> Result<ListInstrumenterResponse, Error> {
    let mut faults = FieldFaults::new();
    navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let after = page.after().unwrap_or_default();
    let most = usize::try_from(page.limit()).unwrap_or_default();
    let rows: Vec<&Instrument> = instrument::katalog()
        .iter()
        .filter(|instrument| *instrument.name() > *after)
        .take(most)
        .collect();
    let (rows, next_page_token) = page.cut(rows, |instrument| instrument.name());
    Ok(ListInstrumenterResponse {
        instrumenter: rows.into_iter().map(Instrument::to_proto).collect(),
        next_page_token,
    })
}

/// A mapping that is about to change: the edition that holds, and the next one.
struct Arbeid {
    gjeldende: Kartlegging,
    neste: Option<Utgave>,
}

impl Arbeid {
    /// The latest edition.
    fn siste(&self) -> Utgave {
        self.neste
            .as_ref()
            .unwrap_or(&self.gjeldende.utgave)
            .clone()
    }

    /// Stores a change of the latest edition, or one that comes after it.
    async fn lagre(mut self, tx: &mut Tx, utgave: Utgave) -> Result<Kartlegging, Error> {
        if utgave.nr == self.gjeldende.utgave.nr {
            self.gjeldende.utgave = utgave;
            store::lagre(tx, &mut self.gjeldende).await?;
            return Ok(self.gjeldende);
        }
        store::lagre(tx, &mut self.gjeldende).await?;
        store::lagre_utgave(tx, &self.gjeldende.id, &utgave).await?;
        Ok(self.gjeldende.i_utgave(utgave))
    }
}

/// The mapping that a verb of the unit names, alone with this transaction.
async fn les(tx: &mut Tx, person: &str, id: &str, etag: Option<&str>) -> Result<Arbeid, Error> {
    crate::las_person(tx, person).await?;
    let gjeldende = store::hent(tx, person, id).await?;
    crate::krev_enhet(tx, &gjeldende.ansvarlig_enhet)?;
    if let Some(etag) = etag {
        etag::check(etag, gjeldende.versjon)?;
    }
    let neste = store::neste(tx, id).await?;
    Ok(Arbeid { gjeldende, neste })
}

/// The same, to be mapped: the first edition only while its application is.
async fn apne(tx: &mut Tx, person: &str, id: &str, etag: Option<&str>) -> Result<Arbeid, Error> {
    let arbeid = les(tx, person, id, etag).await?;
    if arbeid.gjeldende.utgave.tilstand == Tilstand::Pagar {
        let soknad = soknad::store::hent(tx, person, &arbeid.gjeldende.soknad).await?;
        if soknad.tilstand != soknad::Tilstand::UnderKartlegging {
            return Err(Refusal::transition(soknad.tilstand.kode(), &[]).into());
        }
    }
    Ok(arbeid)
}

/// A value without a fault and without a result; `finish` answered before.
fn ufullstendig() -> Error {
    Error::internal("a request was read without a fault and without a value")
}
