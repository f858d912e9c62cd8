//! The reporter's inbox: one entry for each step of what the unit reported, or
//! reported too. What the unit did itself is acknowledged at once.

use samspor_chassis::{
    domene::{dokument, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::avvik::{
    Avviksmelding, Avvikssteg, KvitterAvviksmeldingRequest, KvitterAvviksmeldingResponse,
    ListAvviksmeldingerRequest, ListAvviksmeldingerResponse, Meldervurdering,
};

use crate::avvik::{Avvik, navn_pa};

/// Collection in the resource name.
const SAMLING: &str = "avviksmeldinger";

samspor_chassis::tilstand! {
    /// A step of an avvik. The text is the type of its event.
    pub(crate) enum Steg => Avvikssteg {
        /// Reported.
        Meldt = "AvvikMeldt",
        /// A part was proposed.
        DelForeslatt = "AvviksdelForeslatt",
        /// A part was accepted.
        DelAkseptert = "AvviksdelAkseptert",
        /// A part was given back.
        DelReturnert = "AvviksdelReturnert",
        /// The severity was assessed.
        AlvorlighetVurdert = "AvvikVurdert",
        /// A cause was found.
        ArsakRegistrert = "AvviksarsakRegistrert",
        /// A measure was decided.
        TiltakRegistrert = "AvvikstiltakRegistrert",
        /// A measure was carried out.
        TiltakUtfort = "AvvikstiltakUtfort",
        /// The effect of a measure was checked.
        EffektKontrollert = "AvvikseffektKontrollert",
        /// A part was done.
        DelFerdig = "AvviksdelFerdig",
        /// Feedback.
        Tilbakemelding = "AvvikTilbakemeldt",
        /// Paused.
        PaVent = "AvvikPaVent",
        /// The pause ended.
        Gjenopptatt = "AvvikGjenopptatt",
        /// The same as another.
        Duplikat = "AvvikDuplikat",
        /// Closed.
        Lukket = "AvvikLukket",
        /// Opened again.
        Gjenapnet = "AvvikGjenapnet",
        /// A deadline was broken.
        FristBrutt = "FristBrutt",
        /// Whoever reported it anonymously was asked.
        MelderSpurt = "AvvikMelderSpurt",
        /// Whoever reported it anonymously said something.
        MelderSvarte = "AvvikMelderSvarte",
        /// A reporter is satisfied with the feedback.
        MelderFornoyd = "AvvikMelderFornoyd",
        /// A reporter does not agree with the feedback.
        MelderUenig = "AvvikMelderUenig",
    }
}

impl Steg {
    /// What a reporter said, of the feedback or else.
    pub(crate) fn sagt(vurdering: Meldervurdering) -> Self {
        match vurdering {
            Meldervurdering::Unspecified => Self::MelderSvarte,
            Meldervurdering::Fornoyd => Self::MelderFornoyd,
            Meldervurdering::Uenig => Self::MelderUenig,
        }
    }
}

/// Tells the reporters of a step by a unit, or by nobody; that one of them does
/// not agree with the feedback also those that see to it.
pub(crate) async fn legg(tx: &mut Tx, avvik: &Avvik, steg: Steg, av: &str) -> Result<(), Error> {
    let now = tx.now();
    let mut rows = Vec::new();
    let mut told = avvik.meldere();
    if steg == Steg::MelderUenig {
        told.extend(avvik.horer_innvending());
    }
    for unit in told {
        rows.push(vec![
            tx.new_id().into(),
            unit.into(),
            avvik.id.as_str().into(),
            steg.kode().into(),
            av.into(),
            now.into(),
            (unit == av).then_some(now).into(),
        ]);
    }
    let into =
        "INSERT INTO avviksmelding (id, mottaker, avvik, steg, enhet, tid, kvittert) VALUES ";
    tx.insert(into, "", rows).await?;
    Ok(())
}

/// What a unit was told of an avvik, oldest first: the step, by which unit, when.
pub(crate) async fn om(
    tx: &mut Tx,
    avvik: &str,
    mottaker: &str,
) -> Result<Vec<(Steg, String, Tid)>, Error> {
    let rows: Vec<(String, String, Tid)> = tx
        .all(
            "SELECT steg, enhet, tid FROM avviksmelding WHERE avvik = $1 AND mottaker = $2 \
             ORDER BY id",
            params![avvik, mottaker],
        )
        .await?;
    let read = |(steg, enhet, tid): (String, String, Tid)| {
        let steg = Steg::fra_kode(&steg).ok_or_else(dokument::ukjent_tilstand)?;
        Ok((steg, enhet, tid))
    };
    rows.into_iter().map(read).collect()
}

type Row = (String, String, String, String, String, Tid, Option<Tid>);

fn to_proto(
    (id, mottaker, avvik, steg, enhet, tid, kvittert): Row,
) -> Result<Avviksmelding, Error> {
    let steg = Steg::fra_kode(&steg).ok_or_else(dokument::ukjent_tilstand)?;
    Ok(Avviksmelding {
        name: format!("enheter/{mottaker}/{SAMLING}/{id}"),
        ansvarlig_enhet: navn::enhet(&mottaker),
        avvik: navn_pa(&avvik),
        steg: Avvikssteg::from(steg).into(),
        enhet: navn::enhet(&enhet),
        tid: Some(tid.into()),
        kvittert: kvittert.map(Into::into),
        skjerming: None,
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListAvviksmeldingerRequest,
) -> Result<ListAvviksmeldingerResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, mottaker, avvik, steg, enhet, tid, kvittert FROM avviksmelding \
             WHERE mottaker = $1 AND kvittert IS NULL AND id > $2 ORDER BY id LIMIT $3",
            params![enhet, page.after().unwrap_or_default(), page.limit()],
        )
        .await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.0.clone());
    Ok(ListAvviksmeldingerResponse {
        meldinger: rows.into_iter().map(to_proto).collect::<Result<_, _>>()?,
        next_page_token,
    })
}

pub(crate) async fn kvitter(
    tx: &mut Tx,
    request: KvitterAvviksmeldingRequest,
) -> Result<KvitterAvviksmeldingResponse, Error> {
    let parts: Vec<&str> = request.name.split('/').collect();
    let ["enheter", unit, SAMLING, id] = parts.as_slice() else {
        let mut faults = FieldFaults::new();
        faults.form("name", format_args!("enheter/{{enhet}}/{SAMLING}/{{uuid}}"));
        faults.finish()?;
        return Err(Refusal::not_found().into());
    };
    // What another unit was told is as if it were not there.
    if *unit != tx.call().actor.enhet {
        return Err(Refusal::not_found().into());
    }
    let row: Option<Row> = tx
        .one(
            "UPDATE avviksmelding SET kvittert = COALESCE(kvittert, $1) \
             WHERE id = $2 AND mottaker = $3 \
             RETURNING id, mottaker, avvik, steg, enhet, tid, kvittert",
            params![tx.now(), *id, *unit],
        )
        .await?;
    Ok(KvitterAvviksmeldingResponse {
        melding: Some(to_proto(row.ok_or_else(Refusal::not_found)?)?),
    })
}
