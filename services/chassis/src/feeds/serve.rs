//! `HendelseService` over a store.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use prost::Message as _;
use samspor_proto::{
    felles::Faktum,
    hendelse::{
        AbonnerRequest, AbonnerResponse, FaktaRequest, FaktaResponse, FolgRequest, FolgResponse,
        Hendelse, ListFristerRequest, ListFristerResponse, ListHendelserRequest,
        ListHendelserResponse, NummerertFaktum, hendelse_service_server::HendelseService,
    },
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::{
    gransk,
    live::{Look, Next, follow},
};
use crate::{
    call::Call,
    error::{Error, FieldFaults, Refusal},
    params,
    rpc::verified,
    store::{EVENTS, FACTS, Params, Store, Tx},
    tid::Tid,
};

/// Rows that are read at once.
const BATCH: i64 = 500;

/// The feeds of one service.
#[derive(Clone)]
pub struct Feeds {
    store: Store,
    closing: watch::Receiver<bool>,
}

impl Feeds {
    /// The feeds of `store`. Streams end when `closing` becomes true or its
    /// sender is gone.
    #[must_use]
    pub fn new(store: Store, closing: watch::Receiver<bool>) -> Self {
        Self { store, closing }
    }

    /// Events one by one: `look` gives the rows after a number, each with its
    /// number.
    fn events<T, F, Fut>(&self, after: i64, look: F) -> BoxStream<'static, Result<T, Status>>
    where
        T: Send + 'static,
        F: Fn(i64) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Vec<(i64, T)>, Error>> + Send + 'static,
    {
        let look = move |after| {
            let rows = look(after);
            async move { rows.await.map(|rows| in_one_look(rows, after)) }
        };
        follow(self.store.clone(), self.closing.clone(), after, look)
            .map_ok(|items| stream::iter(items).map(Ok::<T, Error>))
            .try_flatten()
            .map_err(Status::from)
            .boxed()
    }
}

fn in_one_look<T>(rows: Vec<(i64, T)>, after: i64) -> Look<i64, Vec<T>> {
    let full = i64::try_from(rows.len()).is_ok_and(|len| len >= BATCH);
    let position = rows.last().map_or(after, |(nr, _)| *nr);
    let items: Vec<T> = rows.into_iter().map(|(_, item)| item).collect();
    Look {
        item: Some(items).filter(|items| !items.is_empty()),
        position,
        next: if full { Next::Now } else { Next::News },
    }
}

/// Columns of an event: number in the service, number in the feed, id, type,
/// person, post, eier, tid, traceparent.
pub(super) type EventRow = (
    i64,
    i64,
    String,
    String,
    String,
    String,
    String,
    Tid,
    String,
);

pub(super) fn hendelse(row: EventRow) -> (i64, Hendelse) {
    let (position, nr, id, type_, person, post, eier, tid, traceparent) = row;
    let about = match person.as_str() {
        "" => format!("enheter/{eier}"),
        person => format!("personer/{person}"),
    };
    let hendelse = Hendelse {
        name: format!("{about}/hendelser/{id}"),
        nr,
        r#type: type_,
        post,
        tid: Some(tid.into()),
        traceparent,
        eier: format!("enheter/{eier}"),
        mottakere: Vec::new(),
        skjerming: None,
    };
    (position, hendelse)
}

/// Whose eyes follow a person.
///
/// The gateway has decided that the caller may follow the person; which records
/// there are is still told only to those whom it concerns.
#[derive(Clone)]
enum Reader {
    /// A unit: what it was told of, and what happens to its own records.
    Unit(String),
    /// The person, or a representative: what a unit was told of by another. What
    /// stays within a unit may be exempt from the person's own access.
    Person,
}

impl Reader {
    fn of(call: &Call) -> Result<Self, Refusal> {
        if call.actor.person.is_some() {
            Ok(Self::Person)
        } else if call.actor.enhet.is_empty() {
            Err(Refusal::not_found())
        } else {
            Ok(Self::Unit(call.actor.enhet.clone()))
        }
    }
}

// The number in the feed is 0: a person's feed has none, and the service's own
// would tell how much happens to others.

/// Events of a person ($1) for a unit ($5).
const EVENTS_FOR_UNIT: &str = "SELECT nr, CAST(0 AS BIGINT), id, type, person, post, eier, tid, traceparent \
     FROM chassis_hendelse h WHERE person = $1 AND nr > $2 AND tid >= $3 \
     AND (eier = $5 OR EXISTS (SELECT 1 FROM chassis_hendelse_mottaker m \
     WHERE m.hendelse = h.nr AND m.mottaker = $5)) ORDER BY nr LIMIT $4";
/// Events of a person ($1) for the person. That the avvik service was told, as it
/// is of all that breaks, does not make an event known outside its unit.
const EVENTS_FOR_PERSON: &str = "SELECT nr, CAST(0 AS BIGINT), id, type, person, post, eier, tid, traceparent \
     FROM chassis_hendelse h WHERE person = $1 AND nr > $2 AND tid >= $3 \
     AND EXISTS (SELECT 1 FROM chassis_hendelse_mottaker m \
     WHERE m.hendelse = h.nr AND m.mottaker <> h.eier AND m.mottaker <> 'avvik') \
     ORDER BY nr LIMIT $4";

/// Rows of one statement, in a transaction of their own.
async fn rows<T>(
    store: &Store,
    call: &Arc<Call>,
    sql: &'static str,
    params: Params,
) -> Result<Vec<T>, Error>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> + Send + Unpin,
{
    let mut tx = store.begin_look(call.clone()).await?;
    let rows = tx.all(sql, params).await?;
    tx.save().await?;
    Ok(rows)
}

/// Last number of a sequence; 0 before the first.
async fn last(tx: &mut Tx, sequence: &str) -> Result<i64, Error> {
    let row: Option<(i64,)> = tx
        .one(
            "SELECT nr FROM chassis_sekvens WHERE navn = $1",
            params![sequence],
        )
        .await?;
    Ok(row.map_or(0, |row| row.0))
}

fn position(field: &'static str, value: i64) -> Result<i64, Refusal> {
    let mut faults = FieldFaults::new();
    if value < 0 {
        faults.range(field, 0, i64::MAX);
    }
    faults.finish()?;
    Ok(value)
}

fn instant(field: &'static str, value: prost_types::Timestamp) -> Result<Tid, Refusal> {
    let mut faults = FieldFaults::new();
    let instant = Tid::try_from(value).unwrap_or_else(|_| {
        faults.form(field, "RFC 3339");
        Tid::default()
    });
    faults.finish()?;
    Ok(instant)
}

#[tonic::async_trait]
impl HendelseService for Feeds {
    type AbonnerStream = BoxStream<'static, Result<AbonnerResponse, Status>>;
    type FolgStream = BoxStream<'static, Result<FolgResponse, Status>>;
    type FaktaStream = BoxStream<'static, Result<FaktaResponse, Status>>;

    async fn abonner(
        &self,
        request: Request<AbonnerRequest>,
    ) -> Result<Response<Self::AbonnerStream>, Status> {
        let call = verified(&request)?;
        let AbonnerRequest {
            parent,
            tjeneste: _,
            etter,
        } = request.into_inner();
        // Every unit may read a feed, and only its own.
        if call.actor.enhet.is_empty() || parent != call.actor.enhetsnavn() {
            return Err(Refusal::not_found().into());
        }
        let store = self.store.clone();
        let look = move |after| {
            let (store, call) = (store.clone(), call.clone());
            async move {
                let sql = "SELECT h.nr, h.nr, h.id, h.type, h.person, h.post, h.eier, h.tid, h.traceparent \
                           FROM chassis_hendelse_mottaker m JOIN chassis_hendelse h ON h.nr = m.hendelse \
                           WHERE m.mottaker = $1 AND m.hendelse > $2 ORDER BY m.hendelse LIMIT $3";
                let unit = call.actor.enhet.as_str();
                let rows = rows(&store, &call, sql, params![unit, after, BATCH]).await?;
                Ok(rows.into_iter().map(hendelse).collect())
            }
        };
        let events = self.events(position("etter", etter)?, look);
        Ok(Response::new(
            events
                .map_ok(|hendelse| AbonnerResponse {
                    hendelse: Some(hendelse),
                })
                .boxed(),
        ))
    }

    async fn folg(
        &self,
        request: Request<FolgRequest>,
    ) -> Result<Response<Self::FolgStream>, Status> {
        let call = verified(&request)?;
        let FolgRequest {
            parent,
            tjeneste: _,
            fra,
        } = request.into_inner();
        let person = parent
            .strip_prefix("personer/")
            .filter(|person| !person.is_empty() && !person.contains('/'))
            .ok_or_else(Refusal::not_found)?
            .to_owned();
        let reader = Reader::of(&call)?;
        let (from, after) = if let Some(fra) = fra {
            (instant("fra", fra)?, 0)
        } else {
            let mut tx = self.store.begin_read(call.clone()).await?;
            let last = last(&mut tx, EVENTS).await?;
            tx.save().await?;
            (Tid(i64::MIN), last)
        };
        let store = self.store.clone();
        let look = move |after| {
            let (store, call, person) = (store.clone(), call.clone(), person.clone());
            let reader = reader.clone();
            async move {
                let params = params![person, after, from, BATCH];
                let (sql, params) = match reader {
                    Reader::Unit(unit) => (EVENTS_FOR_UNIT, params.and(unit)),
                    Reader::Person => (EVENTS_FOR_PERSON, params),
                };
                let rows = rows(&store, &call, sql, params).await?;
                Ok(rows.into_iter().map(hendelse).collect())
            }
        };
        let events = self.events(after, look);
        Ok(Response::new(
            events
                .map_ok(|hendelse| FolgResponse {
                    hendelse: Some(hendelse),
                })
                .boxed(),
        ))
    }

    async fn list_hendelser(
        &self,
        request: Request<ListHendelserRequest>,
    ) -> Result<Response<ListHendelserResponse>, Status> {
        gransk::hendelser(&self.store, request).await
    }

    async fn list_frister(
        &self,
        request: Request<ListFristerRequest>,
    ) -> Result<Response<ListFristerResponse>, Status> {
        gransk::frister(&self.store, request).await
    }

    async fn fakta(
        &self,
        request: Request<FaktaRequest>,
    ) -> Result<Response<Self::FaktaStream>, Status> {
        let call = verified(&request)?;
        let FaktaRequest { etter, til } = request.into_inner();
        let start = FactPosition {
            after: position("etter", etter)?,
            caught_up: false,
        };
        let until = match position("til", til)? {
            0 => i64::MAX,
            until => until,
        };
        let store = self.store.clone();
        let look = move |position| facts(store.clone(), call.clone(), position, until);
        let batches: BoxStream<'static, Result<FaktaResponse, Error>> =
            follow(self.store.clone(), self.closing.clone(), start, look).boxed();
        Ok(Response::new(batches.map_err(Status::from).boxed()))
    }
}

/// How far a reader of facts has come.
#[derive(Clone, Copy)]
struct FactPosition {
    after: i64,
    /// It was told that it is at the end.
    caught_up: bool,
}

/// The next batch of facts up to `until`.
async fn facts(
    store: Store,
    call: Arc<Call>,
    position: FactPosition,
    until: i64,
) -> Result<Look<FactPosition, FaktaResponse>, Error> {
    let FactPosition { after, caught_up } = position;
    let mut tx = store.begin_look(call).await?;
    let last = last(&mut tx, FACTS).await?;
    let rows: Vec<(i64, String, String)> = if after < last {
        tx.all(
            "SELECT nr, faktum, traceparent FROM chassis_faktum \
             WHERE nr > $1 AND nr <= $2 ORDER BY nr LIMIT $3",
            params![after, until, BATCH],
        )
        .await?
    } else {
        Vec::new()
    };
    tx.save().await?;
    let after = rows.last().map_or(after, |row| row.0);
    let fakta = rows
        .into_iter()
        .map(numbered)
        .collect::<Result<Vec<_>, Error>>()?;
    let (at_end, done) = (after >= last, after >= until);
    // At the end for the first time: an empty batch says so.
    let says_end = at_end && !caught_up && fakta.is_empty();
    Ok(Look {
        position: FactPosition {
            after,
            caught_up: caught_up || says_end,
        },
        next: if done {
            Next::Never
        } else if at_end && (caught_up || says_end) {
            Next::News
        } else {
            Next::Now
        },
        item: (says_end || !fakta.is_empty()).then_some(FaktaResponse { fakta, siste: last }),
    })
}

fn numbered((nr, faktum, traceparent): (i64, String, String)) -> Result<NummerertFaktum, Error> {
    let bytes = BASE64_STANDARD.decode(faktum).map_err(Error::internal)?;
    Ok(NummerertFaktum {
        nr,
        faktum: Some(Faktum::decode(bytes.as_slice()).map_err(Error::internal)?),
        traceparent,
    })
}
