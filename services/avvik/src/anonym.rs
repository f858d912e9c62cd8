//! Avvik of those who must not be recognised (adr/0025): the unit and the day is
//! all that is known of who reports, and the code is all that leads back.
//!
//! What comes in is held until its day has passed. Then all of it is let go at
//! once, in the order of ids that tell nothing, by the service itself: whatever
//! has a number, a time or a place among others has that of the letting go.

use prost::Message;
use ring::digest;
use samspor_chassis::{
    deadlines::{DueDeadline, NewDeadline},
    domene::{Dag, dokument, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    avvik::{
        AnonymtAvvik, AnonymtSteg, AvvikTilstand, Avvikssteg, HentAvvikMedKodeRequest,
        HentAvvikMedKodeResponse, MeldAvvikAnonymtRequest, MeldAvvikAnonymtResponse,
        MeldAvvikRequest, Meldervurdering, SvarMedKodeRequest, SvarMedKodeResponse,
    },
    felles::Kvittering,
};
use serde::{Deserialize, Serialize};
use uuid::Builder;

use crate::{
    avvik::{Avvik, rpc, rules, store},
    dialog::{self, Melding},
    innmelding::{self, Ny},
    kode::{self, Funn},
    lesing::Tekster,
    melding::{self, Steg},
};

/// What the deadline is about, and its kind; see `migrations/003_anonym.sql`.
const HOLDT: &str = "avvik/holdt";
pub(crate) const FRIST: &str = "slipp";
/// Rows that are let go in one transaction.
const MANGE: i64 = 200;

/// What was said, while it is held.
#[derive(Serialize, Deserialize)]
struct Sagt {
    tekst: String,
    #[serde(default, with = "tall")]
    vurdering: Meldervurdering,
}

/// An id that the same request gets again, so that a repeat changes nothing, and
/// that tells nothing to whoever does not know the `request_id`.
fn avledet(enhet: &str, request: &impl Message) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [b"samspor/avvik/anonym/1/", enhet.as_bytes(), b"/"] {
        context.update(part);
    }
    context.update(&request.encode_to_vec());
    let sum = context.finish();
    let first = sum.as_ref().first_chunk().copied().unwrap_or_default();
    Builder::from_random_bytes(first).into_uuid().to_string()
}

fn kvittering(tx: &Tx, avvik: String) -> Kvittering {
    Kvittering {
        referanse: avvik,
        mottatt: Some(tx.now().into()),
    }
}

/// Holds a row until its day has passed.
async fn hold(
    tx: &mut Tx,
    (id, kodesum, nr): (&str, &str, i64),
    innhold: &impl Serialize,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO avvikholdt (id, kodesum, nr, dag, innhold) VALUES ($1, $2, $3, $4, $5)",
        params![id, kodesum, nr, tx.now(), dokument::skriv(innhold)?],
    )
    .await?;
    Ok(())
}

pub(crate) async fn meld(
    tx: &mut Tx,
    request: MeldAvvikAnonymtRequest,
) -> Result<MeldAvvikAnonymtResponse, Error> {
    let id = avledet(&tx.call().actor.enhet, &request);
    // Every field is named, so that a new one breaks the build here.
    let MeldAvvikAnonymtRequest {
        request_id,
        kodesum,
        kategori,
        underkategori,
        hendt,
        sammendrag,
        alvorlighet,
        enheter,
        svar,
        svar_tredjepart,
        svar_helse,
        fritekst,
        helse,
        sted,
        masker,
    } = request;
    let mut texts = Tekster::ny(masker);
    kode::les_sum(&kodesum, &mut texts.faults);
    let day = felt::pakrevd_dag(&hendt, "hendt", &mut texts.faults);
    let same = MeldAvvikRequest {
        request_id,
        kategori,
        underkategori,
        hendt: Some(day.map_or(tx.now(), Dag::start).into()),
        sammendrag,
        alvorlighet,
        enheter,
        svar,
        svar_tredjepart,
        svar_helse,
        fritekst,
        helse,
        sted,
        masker,
        // What the access log could tie to whoever looked it up or made it.
        person: String::new(),
        poster: Vec::new(),
        spor: Vec::new(),
        vedlegg: Vec::new(),
        helsevedlegg: Vec::new(),
    };
    let (new, _) = innmelding::les(tx, same, texts)?;
    tx.lock(HOLDT).await?;
    let taken: Option<(String,)> = tx
        .one(
            "SELECT avvik FROM avvikskode WHERE kodesum = $1 \
             UNION ALL SELECT id FROM avvikholdt WHERE kodesum = $1 AND nr = 0",
            params![kodesum.as_str()],
        )
        .await?;
    match taken {
        None => {
            let new = Ny {
                id: id.clone(),
                ..new
            };
            hold(tx, (&id, &kodesum, 0), &new).await?;
        }
        Some((known,)) if known == id => {}
        Some(_) => {
            let mut faults = FieldFaults::new();
            faults.form("kodesum", "summen av en ny kode; denne er brukt");
            faults.finish()?;
        }
    }
    Ok(MeldAvvikAnonymtResponse {
        kvittering: Some(kvittering(tx, id)),
    })
}

/// What is held of what a code has said.
async fn holdte(tx: &mut Tx, kodesum: &str) -> Result<Vec<Melding>, Error> {
    let rows: Vec<(String, Tid, String)> = tx
        .all(
            "SELECT id, dag, innhold FROM avvikholdt WHERE kodesum = $1 AND nr > 0 \
             ORDER BY nr",
            params![kodesum],
        )
        .await?;
    let read = |(id, day, innhold): (String, Tid, String)| {
        let Sagt { tekst, vurdering } = dokument::les(&innhold)?;
        Ok(Melding::av_melder(id, day, (vurdering, tekst)))
    };
    rows.into_iter().map(read).collect()
}

pub(crate) async fn svar(
    tx: &mut Tx,
    request: SvarMedKodeRequest,
) -> Result<SvarMedKodeResponse, Error> {
    let id = avledet(&tx.call().actor.enhet, &request);
    let mut texts = Tekster::ny(request.masker);
    let tekst = texts.hoyst(dialog::TEGN, &request.tekst, "tekst");
    let vurdering: Option<Meldervurdering> = felt::filter(
        request.vurdering,
        "vurdering",
        "samspor.avvik.v1.Meldervurdering",
        &mut texts.faults,
    );
    let sum = kode::les(&request.kode, &mut texts.faults);
    texts.faults.finish()?;
    tx.lock(HOLDT).await?;
    let (avvik, said, feedback) = match kode::finn(tx, &sum).await? {
        Funn::Holdt(new) => (new.id, Vec::new(), false),
        Funn::Meldt(avvik) => {
            let mut told = gjeldende(tx, *avvik.clone()).await?;
            let feedback = rules::siste_tilbakemelding(&mut told).is_ok();
            (avvik.id, avvik.innhold.dialog, feedback)
        }
    };
    let held = holdte(tx, &sum).await?;
    let own = said.iter().filter(|one| one.fra_melder());
    let repeated = held.iter().any(|one| one.id == id) || said.iter().any(|one| one.id == id);
    if !repeated {
        if vurdering.is_some() && !feedback {
            return Err(rules::uten_tilbakemelding().into());
        }
        let count = own.count() + held.len();
        rules::plass_til(count, "svar")?;
        let nr = i64::try_from(count + 1).map_err(Error::internal)?;
        let vurdering = vurdering.unwrap_or_default();
        let said = Sagt { tekst, vurdering };
        hold(tx, (&id, &sum, nr), &said).await?;
    }
    Ok(SvarMedKodeResponse {
        kvittering: Some(kvittering(tx, avvik)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentAvvikMedKodeRequest,
) -> Result<HentAvvikMedKodeResponse, Error> {
    let mut faults = FieldFaults::new();
    navn::les_enhet(&request.parent, "parent", &mut faults);
    let sum = kode::les(&request.kode, &mut faults);
    faults.finish()?;
    let mut avvik = match kode::finn(tx, &sum).await? {
        Funn::Holdt(new) => AnonymtAvvik {
            name: navn_pa(&new.id),
            holdt: true,
            tilstand: AvvikTilstand::Meldt.into(),
            meldt: Dag::av(new.meldt).to_string(),
            ..AnonymtAvvik::default()
        },
        Funn::Meldt(avvik) => vist(tx, *avvik).await?,
    };
    let held = holdte(tx, &sum).await?;
    avvik.dialog.extend(held.iter().map(Melding::to_proto));
    Ok(HentAvvikMedKodeResponse { avvik: Some(avvik) })
}

fn navn_pa(id: &str) -> String {
    format!("anonymeavvik/{id}")
}

/// The avvik for its reporter: the steps that the unit was told, also of the one
/// that it is the same as.
async fn vist(tx: &mut Tx, avvik: Avvik) -> Result<AnonymtAvvik, Error> {
    let mut steps = steg(tx, &avvik.id, &avvik.melder_enhet).await?;
    let mut current = avvik.clone();
    while !current.innhold.duplikat_av.is_empty() {
        current = store::hent(tx, &current.innhold.duplikat_av).await?;
        steps.extend(steg(tx, &current.id, &avvik.melder_enhet).await?);
    }
    let shown = current.to_proto();
    Ok(AnonymtAvvik {
        name: navn_pa(&avvik.id),
        holdt: false,
        tilstand: shown.tilstand,
        meldt: Dag::av(avvik.meldt).to_string(),
        lesere: avvik
            .i_dialog()
            .map(|part| navn::enhet(&part.enhet))
            .collect(),
        steg: steps,
        tilbakemeldinger: shown.tilbakemeldinger,
        dialog: avvik.innhold.dialog.iter().map(Melding::to_proto).collect(),
        konklusjon: shown.konklusjon,
        skjerming: None,
    })
}

/// The avvik itself, or at last the one that it is the same as.
async fn gjeldende(tx: &mut Tx, mut avvik: Avvik) -> Result<Avvik, Error> {
    while !avvik.innhold.duplikat_av.is_empty() {
        avvik = store::hent(tx, &avvik.innhold.duplikat_av).await?;
    }
    Ok(avvik)
}

async fn steg(tx: &mut Tx, avvik: &str, mottaker: &str) -> Result<Vec<AnonymtSteg>, Error> {
    let told = melding::om(tx, avvik, mottaker).await?;
    let step = |(steg, enhet, tid): (Steg, String, Tid)| AnonymtSteg {
        steg: Avvikssteg::from(steg).into(),
        enhet: navn::enhet(&enhet),
        tid: Some(tid.into()),
    };
    Ok(told.into_iter().map(step).collect())
}

/// What was held on the days before is let go, the reports first.
pub(crate) async fn slipp(tx: &mut Tx, deadline: DueDeadline) -> Result<(), Error> {
    let today = Dag::av(tx.now());
    tx.lock(HOLDT).await?;
    let rows: Vec<(String, String, i64, Tid, String)> = tx
        .all(
            "SELECT id, kodesum, nr, dag, innhold FROM avvikholdt WHERE dag < $1 \
             ORDER BY nr, id LIMIT $2",
            params![today.start(), MANGE],
        )
        .await?;
    let all = i64::try_from(rows.len()).map_err(Error::internal)? < MANGE;
    for (id, kodesum, nr, day, innhold) in rows {
        if nr == 0 {
            let new: Ny = dokument::les(&innhold)?;
            innmelding::opprett(tx, new, &[]).await?;
            tx.execute(
                "INSERT INTO avvikskode (kodesum, avvik) VALUES ($1, $2)",
                params![kodesum, id.as_str()],
            )
            .await?;
        } else {
            let Sagt { tekst, vurdering } = dokument::les(&innhold)?;
            let said = Melding::av_melder(id.clone(), day, (vurdering, tekst));
            let about: Option<(String,)> = tx
                .one(
                    "SELECT avvik FROM avvikskode WHERE kodesum = $1",
                    params![kodesum],
                )
                .await?;
            let (about,) = about.ok_or_else(Refusal::not_found)?;
            let before = store::hent_for_endring(tx, &about).await?;
            let after = rules::sagt(before.clone(), said);
            let after = rpc::fullfor(tx, &before, after, Steg::sagt(vurdering)).await?;
            // Of one that is the same as another, the feedback is that of the other.
            let other = gjeldende(tx, after.clone()).await?;
            if vurdering == Meldervurdering::Uenig && other.id != after.id {
                let before = store::hent_for_endring(tx, &other.id).await?;
                let after = rules::innvendt(before.clone());
                rpc::fullfor(tx, &before, after, Steg::MelderUenig).await?;
            }
        }
        tx.execute("DELETE FROM avvikholdt WHERE id = $1", params![id])
            .await?;
    }
    tx.set_deadline(NewDeadline {
        post: deadline.post,
        person: deadline.person,
        kind: FRIST,
        due: match all {
            true => today.pluss_dager(1).start(),
            false => tx.now(),
        },
        warn: None,
        eier: deadline.eier,
        mottakere: deadline.mottakere,
    });
    Ok(())
}
