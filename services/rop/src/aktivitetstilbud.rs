//! Aktivitetstilbud: what a unit offers, and whom an offer does not accept, so
//! that «who accepts active use?» has an answer before somebody is turned away
//! at the door. About no person; every unit that delivers says what it offers,
//! and every unit of the municipality reads it.

use samspor_chassis::{
    domene::{Aktor, Dag, dokument, felles::mange_tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::felles::Feilgrunn;
use samspor_proto::rop::{
    self as proto, AvsluttAktivitetstilbudRequest, AvsluttAktivitetstilbudResponse, Eksklusjon,
    HentAktivitetstilbudRequest, HentAktivitetstilbudResponse, ListAktivitetstilbudRequest,
    ListAktivitetstilbudResponse, RegistrerAktivitetstilbudRequest,
    RegistrerAktivitetstilbudResponse,
};
use serde::{Deserialize, Serialize};

const EKSKLUSJON: &str = "samspor.rop.v1.Eksklusjon";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Innhold {
    navn: String,
    beskrivelse: String,
    malgruppe: String,
    sted: String,
    apningstid: String,
    #[serde(with = "mange_tall")]
    ekskluderer: Vec<Eksklusjon>,
    vilkar: String,
    kilde: String,
    gjelder_fra: Dag,
    registrert_av: Aktor,
    registrert: Tid,
    /// Who ended it, and when; none while it is offered, or where it ended
    /// before this was kept.
    #[serde(default)]
    avsluttet: Option<(Aktor, Tid)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Tilbud {
    id: String,
    enhet: String,
    versjon: i64,
    aktivt: bool,
    innhold: Innhold,
}

impl Tilbud {
    fn to_proto(&self) -> proto::Aktivitetstilbud {
        let Innhold {
            navn,
            beskrivelse,
            malgruppe,
            sted,
            apningstid,
            ekskluderer,
            vilkar,
            kilde,
            gjelder_fra,
            registrert_av,
            registrert,
            avsluttet,
        } = self.innhold.clone();
        proto::Aktivitetstilbud {
            name: format!("enheter/{}/aktivitetstilbud/{}", self.enhet, self.id),
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.enhet),
            navn,
            beskrivelse,
            malgruppe,
            sted,
            apningstid,
            ekskluderer: ekskluderer.into_iter().map(Into::into).collect(),
            vilkar,
            kilde,
            gjelder_fra: gjelder_fra.to_string(),
            aktivt: self.aktivt,
            registrert_av: Some(registrert_av.to_proto()),
            registrert: Some(registrert.into()),
            avsluttet_av: avsluttet.as_ref().map(|(who, _)| who.to_proto()),
            avsluttet: avsluttet.map(|(_, at)| at.into()),
            skjerming: None,
        }
    }
}

/// A bit for each criterion.
fn bits(criteria: &[Eksklusjon]) -> i64 {
    criteria
        .iter()
        .fold(0, |bits, criterion| bits | 1 << (*criterion as i32))
}

/// Reads an offer. None only where there is a fault.
fn les(
    request: &RegistrerAktivitetstilbudRequest,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Innhold> {
    let navn = felt::pakrevd(&request.navn, "navn", felt::KORT, faults);
    let beskrivelse = felt::pakrevd(&request.beskrivelse, "beskrivelse", felt::LANG, faults);
    let malgruppe = felt::tekst(&request.malgruppe, "malgruppe", felt::KORT, faults);
    let sted = felt::tekst(&request.sted, "sted", felt::KORT, faults);
    let apningstid = felt::tekst(&request.apningstid, "apningstid", felt::KORT, faults);
    let vilkar = felt::tekst(&request.vilkar, "vilkar", felt::LANG, faults);
    let kilde = felt::pakrevd(&request.kilde, "kilde", felt::KORT, faults);
    let ekskluderer = felt::flere_valg(&request.ekskluderer, "ekskluderer", EKSKLUSJON, faults);
    let gjelder_fra = felt::pakrevd_dag(&request.gjelder_fra, "gjelder_fra", faults)?;
    Some(Innhold {
        navn,
        beskrivelse,
        malgruppe,
        sted,
        apningstid,
        ekskluderer,
        vilkar,
        kilde,
        gjelder_fra,
        registrert_av: av,
        registrert: now,
        avsluttet: None,
    })
}

/// Names every unit in a search.
const ALLE: &str = "enheter/-";

/// Who acts, for a unit that delivers something to offer.
///
/// # Errors
/// `IKKE_TILLATT` for another.
fn for_utforer(tx: &Tx) -> Result<Aktor, Refusal> {
    let av = Aktor::from(&tx.call().actor);
    if av.enhet == crate::ENHET || tx.call().utforere.contains(&av.enhet) {
        return Ok(av);
    }
    Err(Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", "W3")
        .with(
            "rad",
            "Bare enheter som leverer tjenester, har aktivitetstilbud.",
        ))
}

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerAktivitetstilbudRequest,
) -> Result<RegistrerAktivitetstilbudResponse, Error> {
    let av = for_utforer(tx)?;
    let mut faults = FieldFaults::new();
    let enhet = crate::egen_enhet(&request.parent, &av.enhet, &mut faults);
    let innhold = les(&request, av, tx.now(), &mut faults);
    faults.finish()?;
    let tilbud = Tilbud {
        id: tx.new_id(),
        enhet,
        versjon: 1,
        aktivt: true,
        innhold: innhold.ok_or_else(|| Error::internal("no offer and no fault"))?,
    };
    tx.execute(
        "INSERT INTO aktivitetstilbud (id, enhet, versjon, aktivt, ekskluderer, innhold, \
         gjelder_fra) VALUES ($1, $2, 1, 1, $3, $4, $5)",
        params![
            tilbud.id.as_str(),
            tilbud.enhet.as_str(),
            bits(&tilbud.innhold.ekskluderer),
            dokument::skriv(&tilbud.innhold)?,
            tilbud.innhold.gjelder_fra.to_string()
        ],
    )
    .await?;
    Ok(RegistrerAktivitetstilbudResponse {
        aktivitetstilbud: Some(tilbud.to_proto()),
    })
}

type Row = (String, String, i64, i64, String);

fn les_rad((id, enhet, versjon, aktivt, innhold): Row) -> Result<Tilbud, Error> {
    Ok(Tilbud {
        id,
        enhet,
        versjon,
        aktivt: aktivt == 1,
        innhold: dokument::les(&innhold)?,
    })
}

async fn finn(tx: &mut Tx, name: &str) -> Result<Tilbud, Error> {
    let parts: Vec<&str> = name.split('/').collect();
    let ["enheter", enhet, "aktivitetstilbud", id] = parts.as_slice() else {
        let mut faults = FieldFaults::new();
        faults.form("name", "enheter/{id}/aktivitetstilbud/{uuid}");
        return Err(match faults.finish() {
            Err(refusal) => refusal.into(),
            Ok(()) => Refusal::not_found().into(),
        });
    };
    let row: Option<Row> = tx
        .one(
            "SELECT id, enhet, versjon, aktivt, innhold FROM aktivitetstilbud \
             WHERE id = $1 AND enhet = $2",
            params![*id, *enhet],
        )
        .await?;
    les_rad(row.ok_or_else(Refusal::not_found)?)
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttAktivitetstilbudRequest,
) -> Result<AvsluttAktivitetstilbudResponse, Error> {
    let av = for_utforer(tx)?;
    let mut tilbud = finn(tx, &request.name).await?;
    if tilbud.enhet != av.enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with("rad", "Bare enheten som gir tilbudet, avslutter det.")
            .into());
    }
    if !tilbud.aktivt {
        return Err(Refusal::transition("AVSLUTTET", &[]).into());
    }
    tilbud.innhold.avsluttet = Some((av, tx.now()));
    let affected = tx
        .execute(
            "UPDATE aktivitetstilbud SET versjon = versjon + 1, aktivt = 0, innhold = $1 \
             WHERE id = $2 AND versjon = $3",
            params![
                dokument::skriv(&tilbud.innhold)?,
                tilbud.id.as_str(),
                tilbud.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    tilbud.versjon += 1;
    tilbud.aktivt = false;
    Ok(AvsluttAktivitetstilbudResponse {
        aktivitetstilbud: Some(tilbud.to_proto()),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentAktivitetstilbudRequest,
) -> Result<HentAktivitetstilbudResponse, Error> {
    let tilbud = finn(tx, &request.name).await?;
    Ok(HentAktivitetstilbudResponse {
        aktivitetstilbud: Some(tilbud.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListAktivitetstilbudRequest,
) -> Result<ListAktivitetstilbudResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet =
        (request.parent != ALLE).then(|| navn::les_enhet(&request.parent, "parent", &mut faults));
    let accepted = felt::flere_valg(&request.godtar, "godtar", EKSKLUSJON, &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let after = page.after().unwrap_or_default();
    let (bits, today) = (bits(&accepted), Dag::av(tx.now()).to_string());
    let rows: Vec<Row> = match enhet {
        Some(enhet) => {
            tx.all(
                "SELECT id, enhet, versjon, aktivt, innhold FROM aktivitetstilbud \
                 WHERE enhet = $1 AND aktivt = 1 AND id > $2 AND (ekskluderer & $3) = 0 \
                 AND gjelder_fra <= $4 ORDER BY id LIMIT $5",
                params![enhet, after, bits, today, page.limit()],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT id, enhet, versjon, aktivt, innhold FROM aktivitetstilbud \
                 WHERE aktivt = 1 AND id > $1 AND (ekskluderer & $2) = 0 \
                 AND gjelder_fra <= $3 ORDER BY id LIMIT $4",
                params![after, bits, today, page.limit()],
            )
            .await?
        }
    };
    let (rows, next_page_token) = page.cut(rows, |row| row.0.clone());
    let mut aktivitetstilbud = Vec::new();
    for row in rows {
        aktivitetstilbud.push(les_rad(row)?.to_proto());
    }
    Ok(ListAktivitetstilbudResponse {
        aktivitetstilbud,
        next_page_token,
    })
}
