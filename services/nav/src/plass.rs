//! Plass: where somebody can stay for a while, whose it is, what it is like and
//! what it costs. About no person.
//!
//! Invariants: every point of the checklist is answered, if only with
//! «unknown»; one that goes out of use has no guests and gets none; a bed has one
//! stay, which the table `seng` keeps, from the day the person is there until
//! the stay ends or goes on elsewhere, also past what was granted.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, dokument, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::nav::{
    self as proto, AvsluttPlassRequest, AvsluttPlassResponse, HentPlassRequest, HentPlassResponse,
    KontrollerPlassRequest, KontrollerPlassResponse, Kvalitetspunkt, Kvalitetssvar,
    ListPlasserRequest, ListPlasserResponse, Plasstype, RegistrerPlassRequest,
    RegistrerPlassResponse,
};
use serde::{Deserialize, Serialize};

use crate::utestengelse;

const MAKS_SENGER: i32 = 1000;
/// A million kroner a night is a slip of the hand.
const MAKS_PRIS_ORE: i64 = 100_000_000;

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kvalitet {
    #[serde(with = "tall")]
    punkt: Kvalitetspunkt,
    #[serde(with = "tall")]
    svar: Kvalitetssvar,
    merknad: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Innhold {
    #[serde(with = "tall")]
    type_: Plasstype,
    navn: String,
    adresse: String,
    senger: i32,
    pris_ore: i64,
    kvalitet: Vec<Kvalitet>,
    kontrollert: Dag,
    registrert_av: Aktor,
    registrert: Tid,
    avsluttet: Option<Tid>,
}

/// A place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plass {
    id: String,
    enhet: String,
    versjon: i64,
    pub(crate) leverandor: String,
    innhold: Innhold,
    /// Beds that a stay has.
    opptatt: i64,
}

impl Plass {
    pub(crate) fn name(&self) -> String {
        format!("enheter/{}/plasser/{}", self.enhet, self.id)
    }

    /// Beds that no stay has.
    fn ledige(&self) -> i32 {
        let taken = i32::try_from(self.opptatt).unwrap_or(i32::MAX);
        match self.innhold.avsluttet {
            None => self.innhold.senger.saturating_sub(taken).max(0),
            Some(_) => 0,
        }
    }

    /// A point of the checklist is missing or nobody has looked.
    fn har_mangel(&self) -> bool {
        let lacks = |line: &Kvalitet| line.svar != Kvalitetssvar::Ja;
        self.innhold.kvalitet.iter().any(lacks)
    }

    fn to_proto(&self) -> proto::Plass {
        let Innhold {
            type_,
            navn,
            adresse,
            senger,
            pris_ore,
            kvalitet,
            kontrollert,
            registrert_av,
            registrert,
            avsluttet,
        } = self.innhold.clone();
        let line = |line: Kvalitet| proto::Kvalitet {
            punkt: line.punkt.into(),
            svar: line.svar.into(),
            merknad: line.merknad,
        };
        proto::Plass {
            name: self.name(),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.enhet),
            r#type: type_.into(),
            navn,
            adresse,
            leverandor: self.leverandor.clone(),
            senger,
            pris_ore,
            kvalitet: kvalitet.into_iter().map(line).collect(),
            kontrollert: kontrollert.to_string(),
            aktiv: avsluttet.is_none(),
            registrert_av: Some(registrert_av.to_proto()),
            registrert: Some(registrert.into()),
            avsluttet: avsluttet.map(Into::into),
            ledige: self.ledige(),
            skjerming: None,
        }
    }
}

/// Reads the checklist: each point once.
fn les_kvalitet(lines: &[proto::Kvalitet], faults: &mut FieldFaults) -> Vec<Kvalitet> {
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let field = |name: &str| format!("kvalitet[{n}].{name}");
        let kvalitet = Kvalitet {
            punkt: felt::valg(
                line.punkt,
                &field("punkt"),
                "samspor.nav.v1.Kvalitetspunkt",
                faults,
            ),
            svar: felt::valg(
                line.svar,
                &field("svar"),
                "samspor.nav.v1.Kvalitetssvar",
                faults,
            ),
            merknad: felt::tekst(&line.merknad, &field("merknad"), felt::KORT, faults),
        };
        if !seen.insert(line.punkt) {
            faults.contradicts(
                field("punkt"),
                "kvalitet",
                "punktet er svart på før; ta bort ett",
            );
        }
        read.push(kvalitet);
    }
    for point in (1..).map_while(|n| Kvalitetspunkt::try_from(n).ok()) {
        if !seen.contains(&point.into()) {
            let rule = format_args!(
                "{} er ikke svart på; UKJENT er et svar",
                point.as_str_name()
            );
            faults.form("kvalitet", rule);
        }
    }
    read
}

fn les_kontrollert(day: &str, now: Tid, faults: &mut FieldFaults) -> Dag {
    let day = felt::pakrevd_dag(day, "kontrollert", faults).unwrap_or(Dag::av(now));
    if day > Dag::av(now) {
        faults.form("kontrollert", "en dag som ikke er i framtiden");
    }
    day
}

fn les_pris(ore: i64, faults: &mut FieldFaults) -> i64 {
    if !(0..=MAKS_PRIS_ORE).contains(&ore) {
        faults.range("pris_ore", 0, MAKS_PRIS_ORE);
    }
    ore
}

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerPlassRequest,
) -> Result<RegistrerPlassResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let enhet = crate::egen_enhet(&request.parent, &mut faults);
    let type_ = felt::valg(
        request.r#type,
        "type",
        "samspor.nav.v1.Plasstype",
        &mut faults,
    );
    let leverandor = felt::pakrevd(&request.leverandor, "leverandor", felt::KORT, &mut faults);
    if !(1..=MAKS_SENGER).contains(&request.senger) {
        faults.range("senger", 1, MAKS_SENGER);
    }
    let innhold = Innhold {
        type_,
        navn: felt::pakrevd(&request.navn, "navn", felt::KORT, &mut faults),
        adresse: felt::pakrevd(&request.adresse, "adresse", felt::KORT, &mut faults),
        senger: request.senger,
        pris_ore: les_pris(request.pris_ore, &mut faults),
        kvalitet: les_kvalitet(&request.kvalitet, &mut faults),
        kontrollert: les_kontrollert(&request.kontrollert, now, &mut faults),
        registrert_av: av,
        registrert: now,
        avsluttet: None,
    };
    faults.finish()?;
    let plass = Plass {
        id: tx.new_id(),
        enhet,
        versjon: 1,
        leverandor,
        innhold,
        opptatt: 0,
    };
    tx.execute(
        "INSERT INTO plass (id, enhet, versjon, aktiv, leverandor, innhold) \
         VALUES ($1, $2, 1, 1, $3, $4)",
        params![
            plass.id.as_str(),
            plass.enhet.as_str(),
            plass.leverandor.as_str(),
            dokument::skriv(&plass.innhold)?
        ],
    )
    .await?;
    utestengelse::plasser_endret(tx).await?;
    Ok(RegistrerPlassResponse {
        plass: Some(plass.to_proto()),
    })
}

pub(crate) async fn kontroller(
    tx: &mut Tx,
    request: KontrollerPlassRequest,
) -> Result<KontrollerPlassResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let kvalitet = les_kvalitet(&request.kvalitet, &mut faults);
    let kontrollert = les_kontrollert(&request.kontrollert, tx.now(), &mut faults);
    let pris_ore = les_pris(request.pris_ore, &mut faults);
    let mut plass = finn(tx, &request.name, "name", faults).await?;
    krev_aktiv(&plass)?;
    plass.innhold.kvalitet = kvalitet;
    plass.innhold.kontrollert = kontrollert;
    plass.innhold.pris_ore = pris_ore;
    lagre(tx, &mut plass).await?;
    Ok(KontrollerPlassResponse {
        plass: Some(plass.to_proto()),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttPlassRequest,
) -> Result<AvsluttPlassResponse, Error> {
    crate::for_enhet(tx)?;
    let found = finn(tx, &request.name, "name", FieldFaults::new()).await?;
    las(tx, &found).await?;
    // What another has changed meanwhile.
    let mut plass = finn(tx, &request.name, "name", FieldFaults::new()).await?;
    krev_aktiv(&plass)?;
    if plass.opptatt > 0 {
        let mut faults = FieldFaults::new();
        let form = format_args!(
            "en plass uten opphold: {} bor her ennå; gi dem en annen plass med FlyttOpphold først",
            plass.opptatt
        );
        faults.form("name", form);
        faults.finish()?;
    }
    plass.innhold.avsluttet = Some(tx.now());
    lagre(tx, &mut plass).await?;
    utestengelse::plasser_endret(tx).await?;
    Ok(AvsluttPlassResponse {
        plass: Some(plass.to_proto()),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentPlassRequest,
) -> Result<HentPlassResponse, Error> {
    let plass = finn(tx, &request.name, "name", FieldFaults::new()).await?;
    Ok(HentPlassResponse {
        plass: Some(plass.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListPlasserRequest,
) -> Result<ListPlasserResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows: Vec<Row> = tx
        .all(
            "SELECT p.id, p.enhet, p.versjon, p.leverandor, p.innhold, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM seng s WHERE s.plass = p.id) FROM plass p \
             WHERE p.enhet = $1 AND p.aktiv = 1 AND p.id > $2 ORDER BY p.id LIMIT $3",
            params![enhet, page.after().unwrap_or_default(), page.limit()],
        )
        .await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.0.clone());
    let mut plasser = Vec::new();
    for row in rows {
        plasser.push(les_rad(row)?.to_proto());
    }
    Ok(ListPlasserResponse {
        plasser,
        next_page_token,
    })
}

fn krev_aktiv(plass: &Plass) -> Result<(), Refusal> {
    match plass.innhold.avsluttet {
        None => Ok(()),
        Some(_) => Err(Refusal::transition("AVSLUTTET", &[])),
    }
}

type Row = (String, String, i64, String, String, i64);

fn les_rad((id, enhet, versjon, leverandor, innhold, opptatt): Row) -> Result<Plass, Error> {
    Ok(Plass {
        id,
        enhet,
        versjon,
        leverandor,
        innhold: dokument::les(&innhold)?,
        opptatt,
    })
}

/// The place that a field names.
async fn finn(
    tx: &mut Tx,
    name: &str,
    field: &'static str,
    mut faults: FieldFaults,
) -> Result<Plass, Error> {
    let parts: Vec<&str> = name.split('/').collect();
    let (enhet, id) = match parts.as_slice() {
        ["enheter", enhet, "plasser", id] => (*enhet, *id),
        _ if name.is_empty() => {
            faults.missing(field);
            ("", "")
        }
        _ => {
            faults.form(field, "enheter/{id}/plasser/{uuid}");
            ("", "")
        }
    };
    faults.finish()?;
    let row: Option<Row> = tx
        .one(
            "SELECT p.id, p.enhet, p.versjon, p.leverandor, p.innhold, \
             (SELECT CAST(COUNT(*) AS BIGINT) FROM seng s WHERE s.plass = p.id) FROM plass p \
             WHERE p.id = $1 AND p.enhet = $2",
            params![id, enhet],
        )
        .await?;
    les_rad(row.ok_or_else(Refusal::not_found)?)
}

/// The places that are or were called that, of that provider or any.
pub(crate) async fn kalt(tx: &mut Tx, navn: &str, leverandor: &str) -> Result<Vec<Plass>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT p.id, p.enhet, p.versjon, p.leverandor, p.innhold, CAST(0 AS BIGINT) \
             FROM plass p WHERE p.enhet = $1",
            params![crate::ENHET],
        )
        .await?;
    let mut found = rows
        .into_iter()
        .map(les_rad)
        .collect::<Result<Vec<_>, _>>()?;
    found.retain(|place| {
        place.innhold.navn == navn && (leverandor.is_empty() || place.leverandor == leverandor)
    });
    Ok(found)
}

/// The place in use that the field `plass` names.
///
/// # Errors
/// A fault of the field where there is none, or it is out of use.
async fn krev(tx: &mut Tx, name: &str) -> Result<Plass, Error> {
    let found = finn(tx, name, "plass", FieldFaults::new()).await;
    let unknown = "plassen finnes ikke; velg en fra ListPlasser";
    let gone = "plassen er ute av bruk; velg en fra ListPlasser";
    let fault = match found {
        Ok(plass) if plass.innhold.avsluttet.is_none() => return Ok(plass),
        Ok(_) => gone,
        Err(error) if error.refusal().is_some_and(|r| *r == Refusal::not_found()) => unknown,
        Err(error) => return Err(error),
    };
    let mut faults = FieldFaults::new();
    faults.form("plass", fault);
    faults.finish()?;
    Err(Error::internal("a fault and no refusal"))
}

/// The place in use that the field `plass` names, for a person: not one whose
/// provider bars the person, nor one with a gap without a reason.
///
/// # Errors
/// A fault of the field that says what to do.
pub(crate) async fn krev_egnet(
    tx: &mut Tx,
    name: &str,
    kvalitet_begrunnelse: &str,
    person: &str,
) -> Result<Plass, Error> {
    let plass = krev(tx, name).await?;
    let mut faults = FieldFaults::new();
    if let Some(until) = utestengelse::stengt_til(tx, person, &plass.leverandor).await? {
        let form = format_args!("en annen plass: leverandøren har utestengt personen til {until}");
        faults.form("plass", form);
    }
    if plass.har_mangel() && kvalitet_begrunnelse.is_empty() {
        faults.missing("kvalitet_begrunnelse");
    }
    faults.finish()?;
    Ok(plass)
}

/// Nobody else takes a bed of the place, or puts it out of use, meanwhile.
async fn las(tx: &mut Tx, plass: &Plass) -> Result<(), Error> {
    tx.lock(&format!("plass/{}", plass.id)).await
}

/// A stay takes a bed of the place, and lets go of the one that it had. The
/// person's records are locked, so keys are taken in one order.
///
/// # Errors
/// A fault of the field `plass` where every bed has a stay, or the place went
/// out of use meanwhile.
pub(crate) async fn ta_seng(tx: &mut Tx, plass: &Plass, opphold: &str) -> Result<(), Error> {
    las(tx, plass).await?;
    krev(tx, &plass.name()).await?;
    slipp_seng(tx, opphold).await?;
    let taken: Vec<(i64,)> = tx
        .all(
            "SELECT nr FROM seng WHERE plass = $1",
            params![plass.id.as_str()],
        )
        .await?;
    let taken: BTreeSet<i64> = taken.into_iter().map(|(nr,)| nr).collect();
    let beds = plass.innhold.senger;
    // More stays than beds may have been found when beds were first counted.
    let full = taken.len() >= usize::try_from(beds).unwrap_or_default();
    let free = (1..=i64::from(beds)).find(|nr| !full && !taken.contains(nr));
    let Some(nr) = free else {
        let mut faults = FieldFaults::new();
        let form = format_args!(
            "en annen plass: alle {beds} sengene er opptatt; ListPlasser viser hvor det er ledig"
        );
        faults.form("plass", form);
        return Ok(faults.finish()?);
    };
    tx.execute(
        "INSERT INTO seng (opphold, plass, nr) VALUES ($1, $2, $3)",
        params![opphold, plass.id.as_str(), nr],
    )
    .await?;
    Ok(())
}

/// A stay has no bed any more.
pub(crate) async fn slipp_seng(tx: &mut Tx, opphold: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM seng WHERE opphold = $1", params![opphold])
        .await?;
    Ok(())
}

/// Who runs the places in use; dozens of places, and fewer who run them.
pub(crate) async fn leverandorer(tx: &mut Tx) -> Result<BTreeSet<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT leverandor FROM plass WHERE enhet = $1 AND aktiv = 1",
            params![crate::ENHET],
        )
        .await?;
    Ok(rows.into_iter().map(|(provider,)| provider).collect())
}

async fn lagre(tx: &mut Tx, plass: &mut Plass) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE plass SET versjon = versjon + 1, aktiv = $1, innhold = $2 \
             WHERE id = $3 AND versjon = $4",
            params![
                i64::from(plass.innhold.avsluttet.is_none()),
                dokument::skriv(&plass.innhold)?,
                plass.id.as_str(),
                plass.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    plass.versjon += 1;
    Ok(())
}
