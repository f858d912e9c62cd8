//! Asks every source, through the gateway, as anybody does: as the reviewer whom
//! the mandate names, for the purpose GRANSKING, with the mandate as the case.
//! What does not answer is a gap with a name; that the mandate opens nothing is
//! an error.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, future::BoxFuture, stream};
use prost::Message;
use samspor_chassis::{telemetry, tid::Tid};
use samspor_proto::{
    avvik::{HentAvvikRequest, HentAvvikResponse},
    felles::Aktor as Wireaktor,
    gateway::{
        Avviksinnsyn, Gransking, HentGranskingRequest, HentGranskingResponse, Innsyn as Wireinnsyn,
        ListAvviksinnsynRequest, ListAvviksinnsynResponse, ListInnsynRequest, ListInnsynResponse,
    },
    hendelse::{
        Frist as Wirefrist, Hendelse as Wirehendelse, ListFristerRequest, ListFristerResponse,
        ListHendelserRequest, ListHendelserResponse,
    },
    klassifisering::Klasser,
    tilgang::{Dataklasse, Formal},
};
use tonic::{Code, Status};

use super::{
    avvik,
    grunnlag::{Aktor, Frist, Grunnlag, Hendelse, Hull, Innsyn, Mandat},
    poster, synlig,
};
use crate::{desk::Desk, mesh::SERVICES};

/// Largest page that the gateway gives.
const SIDE: i32 = 200;
/// Calls under way at once.
const SAMTIDIG: usize = 4;
/// Longest wait for one answer.
const LENGST: Duration = Duration::from_secs(30);
/// The gateway, as a source.
const GATEWAY: &str = "gateway";

/// Which part of the mandate's period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Utsnitt {
    /// From when; none: from its beginning.
    pub fra: Option<Tid>,
    /// Until when; none: until its end.
    pub til: Option<Tid>,
}

impl Utsnitt {
    /// The period that is asked for, within that of the mandate.
    fn av(self, (first, last): (Tid, Tid)) -> Result<(Tid, Tid)> {
        let (fra, til) = (self.fra.unwrap_or(first), self.til.unwrap_or(last));
        if fra < first || til > last {
            bail!("the mandate covers {first} to {last}; give --fra and --til within it");
        }
        if til <= fra {
            bail!("--til {til} is not after --fra {fra}: turn them round");
        }
        Ok((fra, til))
    }
}

/// Asks all sources.
///
/// # Errors
/// When the gateway does not answer, the mandate opens nothing, or the period is
/// none.
pub(super) async fn hent(desk: &Desk, mandat: &str, utsnitt: Utsnitt) -> Result<Grunnlag> {
    let desk = &desk.with_purpose(Formal::Gransking).with_case(mandat);
    let request = HentGranskingRequest {
        name: mandat.to_owned(),
    };
    let method = "gateway.v1.GranskingService/HentGransking";
    let read: HentGranskingResponse = svar(desk, method, request)
        .await
        .map_err(|refused| apner_ikke(mandat, refused))?;
    let read = read.gransking.context("an answer without a mandate")?;
    let mandat = les_mandat(read)?;
    let (fra, til) = utsnitt.av((mandat.fra, mandat.til))?;
    // From where the mandate begins: what was put into somebody's hands before
    // the part that is shown was open in it. The log a little longer, for the
    // outcomes of the last calls.
    let ask = &Sporrer {
        desk,
        fra: mandat.fra,
        til,
        til_logg: mandat.til.min(til.plus(LENGST)),
    };

    let mut jobs: Vec<BoxFuture<'_, Del>> = Vec::new();
    for person in &mandat.personer {
        for service in SERVICES.into_iter().chain([GATEWAY]) {
            jobs.push(Box::pin(ask.hendelser(person, service)));
            jobs.push(Box::pin(ask.frister(person, service)));
        }
        jobs.push(Box::pin(ask.innsyn(person)));
    }
    if !mandat.avvik.is_empty() {
        jobs.push(Box::pin(ask.avvik(&mandat.avvik)));
        jobs.push(Box::pin(ask.avviksinnsyn(&mandat.avvik)));
    }
    let parts: Vec<Del> = stream::iter(jobs)
        .buffer_unordered(SAMTIDIG)
        .collect()
        .await;
    let mut all = Del::default();
    for part in parts {
        all.legg_til(part);
    }
    let events = all.hendelser.iter().map(|event| event.post.as_str());
    let runs = all.frister.iter().map(|run| run.post.as_str());
    let names: BTreeSet<&str> = events.chain(runs).collect();
    let (poster, mut gaps) = poster::hent(desk, &names).await;
    all.hull.append(&mut gaps);
    Ok(Grunnlag {
        mandat,
        fra,
        til,
        lest_til: ask.til_logg,
        hendelser: all.hendelser,
        frister: all.frister,
        innsyn: all.innsyn,
        poster,
        hull: all.hull,
    })
}

/// What one source gave.
#[derive(Default)]
struct Del {
    hendelser: Vec<Hendelse>,
    frister: Vec<Frist>,
    innsyn: Vec<Innsyn>,
    hull: Vec<Hull>,
}

impl Del {
    fn legg_til(&mut self, mut other: Self) {
        self.hendelser.append(&mut other.hendelser);
        self.frister.append(&mut other.frister);
        self.innsyn.append(&mut other.innsyn);
        self.hull.append(&mut other.hull);
    }
}

/// A desk, and the period.
struct Sporrer<'d> {
    desk: &'d Desk,
    fra: Tid,
    til: Tid,
    /// The same of the log.
    til_logg: Tid,
}

/// One page: its rows, and the token of the next.
type Side<T> = (Vec<T>, String);

impl Sporrer<'_> {
    async fn hendelser(&self, person: &str, service: &'static str) -> Del {
        let request = ListHendelserRequest {
            parent: person.to_owned(),
            tjeneste: service.to_owned(),
            fra: Some(self.fra.to_proto()),
            til: Some(self.til.to_proto()),
            page_size: SIDE,
            page_token: String::new(),
        };
        let method = "hendelse.v1.HendelseService/ListHendelser";
        let next = |request: &mut ListHendelserRequest, token| request.page_token = token;
        let page = |page: ListHendelserResponse| (page.hendelser, page.next_page_token);
        let (rows, gap) = self.sider(method, request, next, page).await;
        Del {
            hendelser: rows
                .into_iter()
                .filter_map(|row| les_hendelse(service, row))
                .collect(),
            hull: hull(service, "hendelser", person, gap),
            ..Del::default()
        }
    }

    async fn frister(&self, person: &str, service: &'static str) -> Del {
        let request = ListFristerRequest {
            parent: person.to_owned(),
            tjeneste: service.to_owned(),
            fra: Some(self.fra.to_proto()),
            til: Some(self.til.to_proto()),
            page_size: SIDE,
            page_token: String::new(),
        };
        let method = "hendelse.v1.HendelseService/ListFrister";
        let next = |request: &mut ListFristerRequest, token| request.page_token = token;
        let page = |page: ListFristerResponse| (page.frister, page.next_page_token);
        let (rows, gap) = self.sider(method, request, next, page).await;
        Del {
            frister: rows
                .into_iter()
                .filter_map(|row| les_frist(service, row))
                .collect(),
            hull: hull(service, "frister", person, gap),
            ..Del::default()
        }
    }

    async fn innsyn(&self, person: &str) -> Del {
        let request = ListInnsynRequest {
            parent: person.to_owned(),
            fra: Some(self.fra.to_proto()),
            til: Some(self.til_logg.to_proto()),
            page_size: SIDE,
            page_token: String::new(),
        };
        let method = "gateway.v1.InnsynsloggService/ListInnsyn";
        let next = |request: &mut ListInnsynRequest, token| request.page_token = token;
        let page = |page: ListInnsynResponse| (page.innsyn, page.next_page_token);
        let (rows, gap) = self.sider(method, request, next, page).await;
        Del {
            innsyn: rows
                .into_iter()
                .filter_map(|row| les_innsyn(person, row))
                .collect(),
            hull: hull(GATEWAY, "innsynslogg", person, gap),
            ..Del::default()
        }
    }

    async fn avviksinnsyn(&self, name: &str) -> Del {
        let request = ListAvviksinnsynRequest {
            parent: name.to_owned(),
            fra: Some(self.fra.to_proto()),
            til: Some(self.til_logg.to_proto()),
            page_size: SIDE,
            page_token: String::new(),
        };
        let method = "gateway.v1.InnsynsloggService/ListAvviksinnsyn";
        let next = |request: &mut ListAvviksinnsynRequest, token| request.page_token = token;
        let page = |page: ListAvviksinnsynResponse| (page.innsyn, page.next_page_token);
        let (rows, gap) = self.sider(method, request, next, page).await;
        let rows = rows.into_iter().map(som_innsyn);
        Del {
            innsyn: rows.filter_map(|row| les_innsyn(name, row)).collect(),
            hull: hull(GATEWAY, "innsynslogg", name, gap),
            ..Del::default()
        }
    }

    async fn avvik(&self, name: &str) -> Del {
        let request = HentAvvikRequest {
            name: name.to_owned(),
        };
        let answer: Result<HentAvvikResponse, Status> =
            svar(self.desk, "avvik.v1.AvvikService/HentAvvik", request).await;
        match answer {
            Ok(answer) => Del {
                hendelser: answer.avvik.iter().flat_map(avvik::hendelser).collect(),
                frister: answer.avvik.iter().flat_map(avvik::frister).collect(),
                ..Del::default()
            },
            Err(refused) => Del {
                hull: hull("avvik", "avviket", name, Some(refused)),
                ..Del::default()
            },
        }
    }

    /// All pages, or those that came before one did not.
    async fn sider<Q, A, T>(
        &self,
        method: &str,
        mut request: Q,
        next: fn(&mut Q, String),
        page: fn(A) -> Side<T>,
    ) -> (Vec<T>, Option<Status>)
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let (rows, token) = match svar(self.desk, method, request.clone()).await {
                Ok(answer) => page(answer),
                Err(refused) => return (all, Some(refused)),
            };
            all.extend(rows);
            if token.is_empty() {
                return (all, None);
            }
            if !seen.insert(token.clone()) {
                return (all, Some(Status::internal("the same page again")));
            }
            next(&mut request, token);
        }
    }
}

/// The answer to one call, or that there was none in time.
async fn svar<Q, A>(desk: &Desk, method: &str, request: Q) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let answer = tokio::time::timeout(LENGST, desk.call(method, request)).await;
    answer.map_or_else(
        |_| Err(Status::deadline_exceeded("no answer")),
        |answer| answer.result,
    )
}

/// That the mandate does not open itself: not approved, ended, another's, or
/// none. Which of them is not told to whom it opens nothing.
fn apner_ikke(mandat: &str, refused: Status) -> anyhow::Error {
    let said = match refused.code() {
        Code::NotFound | Code::PermissionDenied | Code::FailedPrecondition => format!(
            "--mandat {mandat} opens nothing to this token: the mandate must be approved and not \
             ended, and the token that of its reviewer in the role GRANSKER"
        ),
        Code::InvalidArgument => format!("--mandat {mandat} is no mandate: granskinger/{{uuid}}"),
        _ => format!("{:?}: {}", refused.code(), refused.message()),
    };
    anyhow::Error::new(refused).context(said)
}

fn hull(source: &str, what: &str, of: &str, refused: Option<Status>) -> Vec<Hull> {
    let gap = refused.map(|refused| Hull {
        kilde: source.to_owned(),
        hva: format!("{what} ({of})"),
        grunn: grunn(&refused).to_owned(),
    });
    gap.into_iter().collect()
}

/// Why a source gave nothing, or not all.
pub(super) fn grunn(refused: &Status) -> &'static str {
    match refused.code() {
        Code::Unavailable => "svarer ikke",
        Code::DeadlineExceeded | Code::Cancelled => "svarte ikke i tide",
        Code::NotFound => "finnes ikke for granskeren",
        Code::PermissionDenied | Code::FailedPrecondition => "åpnes ikke av mandatet",
        _ => "svarte med en feil",
    }
}

fn les_mandat(wire: Gransking) -> Result<Mandat> {
    let instant = |at: Option<prost_types::Timestamp>, field: &str| {
        tid(at).with_context(|| format!("a mandate without {field}"))
    };
    let klasser: Klasser = wire.klasser().collect();
    Ok(Mandat {
        fra: instant(wire.fra, "fra")?,
        til: instant(wire.til, "til")?,
        utloper: instant(wire.utloper, "an end")?,
        klasser,
        enheter: wire.enheter.iter().map(|name| enhet(name)).collect(),
        navn: wire.name,
        tekst: synlig(&wire.mandat),
        personer: wire.personer,
        avvik: wire.avvik,
        sporings_id: wire.sporings_id,
    })
}

pub(super) fn tid(at: Option<prost_types::Timestamp>) -> Option<Tid> {
    at.and_then(|at| Tid::try_from(at).ok())
}

/// `enheter/rop` → `rop`; the name of a person as it is.
pub(super) fn enhet(name: &str) -> String {
    name.strip_prefix("enheter/").unwrap_or(name).to_owned()
}

fn spor(traceparent: &str) -> String {
    telemetry::trace_id_of(traceparent)
        .unwrap_or_default()
        .to_owned()
}

/// One without a time cannot stand in a timeline; the contract gives each one.
fn les_hendelse(service: &str, wire: Wirehendelse) -> Option<Hendelse> {
    Some(Hendelse {
        kilde: service.to_owned(),
        tid: tid(wire.tid)?,
        sporings_id: spor(&wire.traceparent),
        eier: enhet(&wire.eier),
        mottakere: wire.mottakere.iter().map(|name| enhet(name)).collect(),
        navn: wire.name,
        type_: wire.r#type,
        post: wire.post,
    })
}

fn les_frist(service: &str, wire: Wirefrist) -> Option<Frist> {
    Some(Frist {
        kilde: service.to_owned(),
        satt: tid(wire.satt)?,
        forfall: tid(wire.forfall)?,
        varslet: tid(wire.varslet),
        brutt: tid(wire.brutt),
        avsluttet: tid(wire.avsluttet),
        eier: enhet(&wire.eier),
        mottakere: wire.mottakere.iter().map(|name| enhet(name)).collect(),
        sporings_id: spor(&wire.traceparent),
        navn: wire.name,
        type_: wire.r#type,
        post: wire.post,
    })
}

/// A row about an avvik, as one about a person.
fn som_innsyn(row: Avviksinnsyn) -> Wireinnsyn {
    Wireinnsyn {
        name: row.name,
        tid: row.tid,
        aktor: row.aktor,
        formal: row.formal,
        metode: row.metode,
        poster: row.poster,
        regler: row.regler,
        avslatt: row.avslatt,
        sporings_id: row.sporings_id,
        regelversjon: row.regelversjon,
        sak: row.sak,
        ..Wireinnsyn::default()
    }
}

fn les_innsyn(person: &str, wire: Wireinnsyn) -> Option<Innsyn> {
    let classes = |of: fn(&samspor_proto::gateway::InnsynPost) -> Vec<Dataklasse>| -> Klasser {
        wire.poster.iter().flat_map(of).collect()
    };
    let utlevert = classes(|post| post.utlevert().collect());
    let skjermet = classes(|post| post.skjermet().collect());
    let formal = wire.formal().as_str_name();
    Some(Innsyn {
        indeks: wire.name.rsplit('/').next()?.parse().ok()?,
        person: person.to_owned(),
        tid: tid(wire.tid)?,
        formal: formal.strip_prefix("FORMAL_").unwrap_or(formal).to_owned(),
        aktor: wire.aktor.as_ref().map(les_aktor).unwrap_or_default(),
        metode: wire.metode,
        utfall: wire.poster.is_empty() || !utlevert.er_tom(),
        poster: wire
            .poster
            .into_iter()
            .map(|post| post.post)
            .filter(|post| !post.is_empty())
            .collect(),
        utlevert,
        skjermet,
        regler: wire.regler,
        regelversjon: wire.regelversjon,
        avslatt: wire.avslatt,
        egen_relasjon: wire.egen_relasjon,
        representant: wire.representant,
        sporings_id: wire.sporings_id,
        sak: wire.sak,
    })
}

fn les_aktor(wire: &Wireaktor) -> Aktor {
    let role = wire.rolle().as_str_name();
    Aktor {
        enhet: enhet(&wire.enhet),
        ansatt: synlig(&wire.ansatt),
        rolle: role.strip_prefix("ROLLE_").unwrap_or(role).to_owned(),
    }
}
