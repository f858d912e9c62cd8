//! Innboks: what waits for a unit until it is done.
//!
//! APEN → KVITTERT (someone took it) | BORTFALT (there is nothing left to
//! take). Filled by the records of this service, by their deadlines, and by
//! boligkontor's events ([`crate::bolig`]).
//! Invariants: one task of a kind about a record; it says which record it is
//! about and nothing of what is in it; taking it does not stop its deadline,
//! only doing what it asks for does.

use samspor_chassis::{
    deadlines::DueDeadline,
    domene::{Aktor, Emne, Overganger, Virkninger, dokument, felt, navn},
    error::{Error, FieldFaults, Refusal},
    lager,
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Kvittering},
    nav::{
        self as proto, KvitterOppgaveRequest, KvitterOppgaveResponse, ListOppgaverRequest,
        ListOppgaverResponse, OppgaveTilstand, Oppgavetype,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    botilbud, brukererfaring, forvaltning, henvendelse, livsopphold, opphold, rad, utestengelse,
};

const SAMLING: &str = "navoppgaver";

samspor_chassis::tilstand! {
    /// State of a task.
    pub(crate) enum Tilstand => OppgaveTilstand {
        /// Waits.
        Apen = "APEN",
        /// Someone took it.
        Kvittert = "KVITTERT",
        /// It was done before anyone took it.
        Bortfalt = "BORTFALT",
    }
}

samspor_chassis::tilstand! {
    /// Kind of a task.
    pub(crate) enum Type => Oppgavetype {
        /// Say what comes of a request for a bed.
        Botilbud = "BOTILBUD",
        /// Find a bed for the coming night.
        ForNatten = "FOR_NATTEN",
        /// Prolong a stay or end it.
        OppholdUtloper = "OPPHOLD_UTLOPER",
        /// See to a stay of three months.
        TreManeder = "TRE_MANEDER",
        /// See to a stay whose exception ends.
        UnntakUtloper = "UNNTAK_UTLOPER",
        /// Review a bar.
        Utestengelse = "UTESTENGELSE",
        /// Find somewhere for a person whom every provider bars.
        StengtOveralt = "STENGT_OVERALT",
        /// Decide a complaint about a bar.
        UtestengelseKlage = "UTESTENGELSE_KLAGE",
        /// Say that an enquiry was seen.
        Henvendelse = "HENVENDELSE",
        /// Answer an enquiry.
        HenvendelseSvar = "HENVENDELSE_SVAR",
        /// Ask who is to help whether they do.
        Rad = "RAD",
        /// Assess support anew.
        Livsopphold = "LIVSOPPHOLD",
        /// Stop what the person no longer consents to.
        ForvaltningTrukket = "FORVALTNING_TRUKKET",
        /// Ask the person how it was.
        Brukererfaring = "BRUKERERFARING",
        /// Answer what the person said.
        BrukererfaringSvar = "BRUKERERFARING_SVAR",
        /// An application for a dwelling is to be assessed.
        Boligsak = "BOLIGSAK",
        /// Find the person another dwelling.
        FinnBolig = "FINN_BOLIG",
        /// Answer a joint case about arrears.
        Restanse = "RESTANSE",
        /// Answer a concern about a tenant.
        Bekymring = "BEKYMRING",
        /// See to a tenant who renounced all follow-up.
        OppfolgingAvslatt = "OPPFOLGING_AVSLATT",
        /// See to where a tenant goes whose tenancy is ended.
        LeieforholdOppsagt = "LEIEFORHOLD_OPPSAGT",
        /// End the stay of a person who has a dwelling.
        AvsluttOpphold = "AVSLUTT_OPPHOLD",
    }
}

const OVERGANGER: Overganger<Tilstand> = Overganger(&[("KvitterOppgave", &[Tilstand::Apen])]);

/// The task that a deadline of a record becomes, by its kind.
fn av_frist(kind: &str) -> Option<Type> {
    Some(match kind {
        botilbud::FRIST_SAMME_DAG => Type::Botilbud,
        botilbud::FRIST_NATT | opphold::stengt::FRIST_UTESTENGT => Type::ForNatten,
        opphold::FRIST_UTLOP => Type::OppholdUtloper,
        opphold::FRIST_TRE_MANEDER => Type::TreManeder,
        opphold::FRIST_UNNTAK => Type::UnntakUtloper,
        utestengelse::FRIST_GJENNOMGANG => Type::Utestengelse,
        utestengelse::FRIST_OVERALT => Type::StengtOveralt,
        utestengelse::FRIST_KLAGE => Type::UtestengelseKlage,
        henvendelse::FRIST_BEKREFT => Type::Henvendelse,
        henvendelse::FRIST_SVAR => Type::HenvendelseSvar,
        rad::FRIST_BEKREFT => Type::Rad,
        livsopphold::FRIST_VURDERING => Type::Livsopphold,
        forvaltning::FRIST_STANS => Type::ForvaltningTrukket,
        brukererfaring::FRIST_SPOR => Type::Brukererfaring,
        brukererfaring::FRIST_SVAR => Type::BrukererfaringSvar,
        _ => return None,
    })
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Innhold {
    siden: Tid,
    frist: Tid,
    kvittert: Option<(Tid, Aktor)>,
    utfort: Option<Tid>,
}

/// A task.
#[derive(Debug, Clone, PartialEq)]
struct Oppgave {
    person: String,
    id: String,
    versjon: i64,
    /// Unit id whose inbox it is in.
    enhet: String,
    tilstand: Tilstand,
    type_: Type,
    /// Name of the record that it is about.
    post: String,
    innhold: Innhold,
}

impl Oppgave {
    /// Whether it stands in the work list.
    fn venter(&self) -> bool {
        self.tilstand != Tilstand::Bortfalt && self.innhold.utfort.is_none()
    }

    fn emne(&self) -> Emne {
        Emne {
            person: self.person.clone(),
            post: navn::post(&self.person, SAMLING, &self.id),
            eier: self.enhet.clone(),
        }
    }

    fn to_proto(&self) -> proto::Oppgave {
        let Innhold {
            siden,
            frist,
            kvittert,
            utfort,
        } = self.innhold.clone();
        proto::Oppgave {
            name: self.emne().post,
            etag: etag::etag(self.versjon),
            ansvarlig_enhet: navn::enhet(&self.enhet),
            tilstand: OppgaveTilstand::from(self.tilstand).into(),
            r#type: Oppgavetype::from(self.type_).into(),
            post: self.post.clone(),
            siden: Some(siden.into()),
            kvittert: kvittert.as_ref().map(|(at, _)| (*at).into()),
            kvittert_av: kvittert.map(|(_, who)| who.to_proto()),
            frist: Some(frist.into()),
            utfort: utfort.map(Into::into),
            skjerming: None,
        }
    }
}

/// What a record asks for: a task about it, with the record's own deadline.
/// One that waits takes the new deadline; one that was done waits again.
pub(crate) async fn be_om(tx: &mut Tx, type_: Type, emne: &Emne, due: Tid) -> Result<(), Error> {
    let now = tx.now();
    let innhold = Innhold {
        siden: now,
        frist: due,
        kvittert: None,
        utfort: None,
    };
    let task = match om(tx, type_, &emne.post).await? {
        None => {
            let task = Oppgave {
                person: emne.person.clone(),
                id: tx.new_id(),
                versjon: 1,
                enhet: emne.eier.clone(),
                tilstand: Tilstand::Apen,
                type_,
                post: emne.post.clone(),
                innhold,
            };
            sett_inn(tx, &task).await?;
            task
        }
        Some(task) if task.innhold.frist == due && task.venter() => return Ok(()),
        Some(mut task) => {
            let waited = task.venter();
            task.innhold = Innhold {
                siden: if waited { task.innhold.siden } else { now },
                kvittert: task.innhold.kvittert.take().filter(|_| waited),
                ..innhold
            };
            if !waited {
                task.tilstand = Tilstand::Apen;
            }
            lagre(tx, &mut task).await?;
            if waited {
                return Ok(());
            }
            task
        }
    };
    let mut out = Virkninger::new();
    out.hendelse("OppgaveOpprettet", &task.emne(), [task.enhet.clone()]);
    out.utfor(tx);
    Ok(())
}

/// What a task about a record asks for was done, or is asked for no more.
pub(crate) async fn ferdig(tx: &mut Tx, type_: Type, post: &str) -> Result<(), Error> {
    let now = tx.now();
    let Some(mut task) = om(tx, type_, post).await?.filter(Oppgave::venter) else {
        return Ok(());
    };
    task.innhold.utfort = Some(now);
    if task.tilstand == Tilstand::Apen {
        task.tilstand = Tilstand::Bortfalt;
    }
    lagre(tx, &mut task).await
}

/// Whether somebody is asked for that already.
pub(crate) async fn venter(tx: &mut Tx, type_: Type, post: &str) -> Result<bool, Error> {
    let task = om(tx, type_, post).await?;
    Ok(task.is_some_and(|task| task.venter()))
}

/// A deadline of a record is near or has passed: somebody is asked.
pub(crate) async fn fra_frist(tx: &mut Tx, deadline: &DueDeadline) -> Result<(), Error> {
    let Some(type_) = av_frist(&deadline.kind) else {
        return Ok(());
    };
    let emne = Emne {
        person: deadline.person.clone(),
        post: deadline.post.clone(),
        eier: deadline.eier.clone(),
    };
    be_om(tx, type_, &emne, deadline.due).await
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListOppgaverRequest,
) -> Result<ListOppgaverResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let name = "samspor.nav.v1.Oppgavetype";
    let filter: Option<Oppgavetype> = felt::filter(request.r#type, "type", name, &mut faults);
    faults.finish()?;
    let mut kinds = Type::ALLE.iter().copied();
    let type_ = filter.and_then(|wanted| kinds.find(|kind| Oppgavetype::from(*kind) == wanted));
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (tasks, next_page_token) = ventende(tx, &enhet, type_, &page).await?;
    Ok(ListOppgaverResponse {
        oppgaver: tasks.iter().map(Oppgave::to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn kvitter(
    tx: &mut Tx,
    request: KvitterOppgaveRequest,
) -> Result<KvitterOppgaveResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let (person, id) = navn::krev_post(&request.name, SAMLING)?;
    lager::las_person(tx, &person).await?;
    let mut task = hent(tx, &person, &id).await?;
    crate::krev_eier(&av, &task.enhet)?;
    OVERGANGER.krev("KvitterOppgave", task.tilstand, task.tilstand.kode())?;
    let now = tx.now();
    task.tilstand = Tilstand::Kvittert;
    task.innhold.kvittert = Some((now, av));
    // There is no record of what is done about these: who takes them does it.
    if matches!(
        task.type_,
        Type::OppfolgingAvslatt | Type::LeieforholdOppsagt
    ) {
        task.innhold.utfort = Some(now);
    }
    lagre(tx, &mut task).await?;
    let mut out = Virkninger::new();
    out.hendelse("OppgaveKvittert", &task.emne(), [task.enhet.clone()]);
    out.utfor(tx);
    Ok(KvitterOppgaveResponse {
        kvittering: Some(Kvittering {
            referanse: task.id,
            mottatt: Some(now.into()),
        }),
    })
}

// ---- SQL -------------------------------------------------------------------------

type Row = (String, String, i64, String, String, String, String, String);

fn les(row: Row) -> Result<Oppgave, Error> {
    let (id, person, versjon, enhet, tilstand, type_, post, innhold) = row;
    Ok(Oppgave {
        person,
        id,
        versjon,
        enhet,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        type_: Type::fra_kode(&type_).ok_or_else(dokument::ukjent_tilstand)?,
        post,
        innhold: dokument::les(&innhold)?,
    })
}

async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Oppgave, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

async fn om(tx: &mut Tx, type_: Type, post: &str) -> Result<Option<Oppgave>, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold \
             FROM oppgave WHERE post = $1 AND type = $2",
            params![post, type_.kode()],
        )
        .await?;
    row.map(les).transpose()
}

async fn sett_inn(tx: &mut Tx, oppgave: &Oppgave) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO oppgave \
         (id, person, versjon, ansvarlig_enhet, tilstand, type, post, innhold, venter, frist) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)",
        params![
            oppgave.id.as_str(),
            oppgave.person.as_str(),
            oppgave.versjon,
            oppgave.enhet.as_str(),
            oppgave.tilstand.kode(),
            oppgave.type_.kode(),
            oppgave.post.as_str(),
            dokument::skriv(&oppgave.innhold)?,
            oppgave.innhold.frist
        ],
    )
    .await?;
    Ok(())
}

async fn lagre(tx: &mut Tx, oppgave: &mut Oppgave) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE oppgave SET versjon = versjon + 1, tilstand = $1, innhold = $2, venter = $3, \
             frist = $4 WHERE id = $5 AND versjon = $6",
            params![
                oppgave.tilstand.kode(),
                dokument::skriv(&oppgave.innhold)?,
                i64::from(oppgave.venter()),
                oppgave.innhold.frist,
                oppgave.id.as_str(),
                oppgave.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    oppgave.versjon += 1;
    Ok(())
}

/// A row of the work list, with its place in it.
type Ventende = (
    i64,
    String,
    String,
    i64,
    String,
    String,
    String,
    String,
    String,
);

/// One page of what waits for a unit, that which breaks next first, of a kind
/// or all.
async fn ventende(
    tx: &mut Tx,
    enhet: &str,
    type_: Option<Type>,
    page: &Page,
) -> Result<(Vec<Oppgave>, String), Error> {
    let (frist, after) = match page.after() {
        None => (i64::MIN, ""),
        Some(key) => key
            .split_once('|')
            .and_then(|(due, id)| Some((due.parse().ok()?, id)))
            .ok_or_else(|| Refusal::new(Feilgrunn::UgyldigSidetoken))?,
    };
    let rows: Vec<Ventende> = match type_ {
        Some(type_) => {
            tx.all(
                "SELECT frist, id, person, versjon, ansvarlig_enhet, tilstand, type, post, \
                 innhold FROM oppgave WHERE ansvarlig_enhet = $1 AND type = $2 AND venter = 1 \
                 AND (frist, id) > ($3, $4) ORDER BY frist, id LIMIT $5",
                params![enhet, type_.kode(), frist, after, page.limit()],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT frist, id, person, versjon, ansvarlig_enhet, tilstand, type, post, \
                 innhold FROM oppgave WHERE ansvarlig_enhet = $1 AND venter = 1 \
                 AND (frist, id) > ($2, $3) ORDER BY frist, id LIMIT $4",
                params![enhet, frist, after, page.limit()],
            )
            .await?
        }
    };
    let (rows, next) = page.cut(rows, |row| format!("{}|{}", row.0, row.1));
    let tasks = rows.into_iter().map(
        |(_, id, person, versjon, enhet, tilstand, type_, post, innhold)| {
            les((id, person, versjon, enhet, tilstand, type_, post, innhold))
        },
    );
    Ok((tasks.collect::<Result<_, _>>()?, next))
}
