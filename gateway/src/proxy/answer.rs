//! Steps 5 to 7 of unary calls: forward, decide on the answer, log, release.

use bytes::{Bytes, BytesMut};
use samspor_chassis::telemetry;
use samspor_proto::{
    felles::Feilgrunn,
    internt::Loggtype,
    klassifisering::Klasser,
    tilgang::{Dataklasse, Handling},
};
use tracing::Instrument as _;

use super::{judge::Judged, passage::Passage, refusal::Refused};
use crate::{
    log::{AppendError, Entry},
    page_token::{Binding, PageState},
    policy::Decision,
    redaction::{FoundRecord, Outer, WireError, parse_name},
};

/// Times that a decision is made again because facts changed under it.
pub(super) const ATTEMPTS: usize = 8;
/// Records of a page when the caller names no size, and at most.
const PAGE_DEFAULT: i32 = 50;
const PAGE_MAX: i32 = 200;
/// Records that an owner gives in one call, at most: a page and one more.
const OWNER_PAGE: usize = 201;

/// What an owner answered.
struct Reply {
    body: Bytes,
    /// Number of the last fact that it committed with the answer.
    fact_number: Option<i64>,
}

/// A read that may go on to its owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admitted {
    /// Classes that some record of the subject could give.
    pub classes: Klasser,
    /// Version of the subject's facts that this was decided on.
    pub version: i64,
}

impl<'g> Passage<'g> {
    /// Answers a unary call. The row of a refusal is durable before it is told.
    pub(super) async fn answer(&mut self) -> Result<Bytes, Refused> {
        let answered = match (self.begin(), self.method.tilgang().handling()) {
            (Err(refused), _) => Err(refused),
            (Ok(()), Handling::Les) => self.read().await,
            (Ok(()), Handling::List) => self.list().await,
            (Ok(()), Handling::Skriv | Handling::Inntak) => return self.write().await,
            (Ok(()), Handling::Unspecified) => Err(Refused::new(Feilgrunn::UkjentMetode)),
        };
        match answered {
            Ok(body) => Ok(body),
            Err(refused) => Err(self.log_refusal(refused, Loggtype::Avslag).await),
        }
    }

    /// Writes the row of a refusal; when that fails, the caller hears so instead.
    pub(super) async fn log_refusal(&mut self, refused: Refused, kind: Loggtype) -> Refused {
        // A refusal may come before anybody was looked up.
        if self.people.is_empty()
            && let Err(down) = self.look_again().await
        {
            return down;
        }
        // What it tells of the record is decided on facts that the log checks.
        for _ in 0..ATTEMPTS {
            let told = self.tellable(refused.clone());
            match self.logged(self.refusal_entry(&told, kind)).await {
                Ok(true) => return told,
                Ok(false) => {}
                Err(down) => return down,
            }
            if let Err(down) = self.look_up().await {
                return down;
            }
        }
        unsettled()
    }

    /// Decides before any look-up; NOT_FOUND for whoever may not know.
    pub(super) async fn admit_read(&mut self) -> Result<Admitted, Refused> {
        self.look_up().await?;
        match self.admits() {
            Err(_) if self.remembered => {
                self.look_again().await?;
                self.admits()
            }
            decided => decided,
        }
    }

    fn admits(&self) -> Result<Admitted, Refused> {
        let facts = self.subject_facts();
        let could = self.could_read(&facts);
        if !self.knows(&could) {
            return Err(Refused::not_found().by(could.refused_by.iter().map(ToString::to_string)));
        }
        self.check_case(&facts)?;
        self.check_filters(&could)?;
        Ok(Admitted {
            classes: could.classes,
            version: facts.version,
        })
    }

    async fn read(&mut self) -> Result<Bytes, Refused> {
        let mut could = self.admit_read().await?;
        let answer = self.send(self.body.clone(), could.classes, "").await?.body;
        for _ in 0..ATTEMPTS {
            let mut judged = Judged::on(self.person(), could.version);
            let records = self.records(&answer)?;
            self.meet(&records).await?;
            for record in &records {
                judged.add(self, record);
            }
            if !records.is_empty() && judged.kept() == 0 {
                return Err(Refused::not_found().by(judged.rules().cloned()));
            }
            let body = self.rebuild(&answer, &judged, 0, could.classes, None)?;
            if self.logged(judged.entry(self, Loggtype::Innsyn)).await? {
                return Ok(body);
            }
            could = self.admit_read().await?;
        }
        Err(unsettled())
    }

    async fn list(&mut self) -> Result<Bytes, Refused> {
        let mut could = self.admit_read().await?;
        let want = match self.request.page_size {
            0 => PAGE_DEFAULT,
            size @ 1..=PAGE_MAX => size,
            _ => {
                let keys = [("min", "1"), ("maks", "200")];
                return Err(Refused::field("page_size", Feilgrunn::FeltOmrade, &keys));
            }
        };
        for _ in 0..ATTEMPTS {
            let (body, judged) = self.page(want, could).await?;
            if self.logged(judged.entry(self, Loggtype::Innsyn)).await? {
                return Ok(body);
            }
            could = self.admit_read().await?;
        }
        Err(unsettled())
    }

    /// Fills one page with what the caller may know of. One record more than
    /// the page holds is sought, so that a token is given only when there is
    /// something behind it that the caller may see: paging tells nothing of
    /// what was dropped. The call's deadline alone bounds the search.
    async fn page(&mut self, want: i32, could: Admitted) -> Result<(Bytes, Judged), Refused> {
        let want = usize::try_from(want).unwrap_or_default();
        let mut at = self.open_token()?;
        let mut all = Judged::on(self.person(), could.version);
        let mut out = BytesMut::new();
        let mut next: Option<PageState> = None;
        let mut kept = 0;
        let mut outer = could.classes;
        // The page may be in the first answer; what lies behind is read in bulk.
        let mut size = want + 1;
        loop {
            let skip = usize::try_from(at.skip).unwrap_or(usize::MAX);
            let asked = OWNER_PAGE.min(skip.saturating_add(size));
            let ask = self
                .requests
                .with_page(
                    &self.body,
                    i32::try_from(asked).unwrap_or(i32::MAX),
                    &at.owner_token,
                )
                .map_err(faulty)?;
            let answer = self.send(ask, could.classes, "").await?.body;
            let records = self.records(&answer)?;
            self.meet(&records).await?;
            let first = all.records.len();
            for (position, record) in records.iter().enumerate() {
                if position < skip {
                    all.records.push(None);
                } else if kept < want {
                    all.add(self, record);
                    kept = all.kept();
                } else if all.would_keep(self, record) {
                    next = Some(PageState {
                        owner_token: at.owner_token.clone(),
                        skip: u32::try_from(position).unwrap_or(u32::MAX),
                    });
                    break;
                } else {
                    all.records.push(None);
                }
            }
            all.records.resize_with(first + records.len(), || None);
            let owner_next = self
                .answers
                .next_page_token(&answer)
                .map_err(faulty)?
                .to_owned();
            let token = match &next {
                Some(place) => Some(self.seal(place)?),
                None => None,
            };
            out.extend_from_slice(&self.rebuild(&answer, &all, first, outer, token.as_deref())?);
            if next.is_some() || owner_next.is_empty() {
                return Ok((out.freeze(), all));
            }
            outer = Klasser::INGEN;
            size = OWNER_PAGE;
            at = PageState {
                owner_token: owner_next,
                skip: 0,
            };
        }
    }

    /// A mutation: intent durable before it is forwarded, outcome before it is
    /// answered, and the caller's own facts in force.
    async fn write(&mut self) -> Result<Bytes, Refused> {
        let (rule, decision) = match self.intend().await {
            Ok(permit) => permit,
            Err(refused) => return Err(self.log_refusal(refused, Loggtype::Avslag).await),
        };
        let reply = match self.send(self.body.clone(), decision.classes, &rule).await {
            Ok(reply) => reply,
            Err(refused) => return Err(self.log_refusal(refused, Loggtype::Utfall).await),
        };
        // INVARIANT: it has happened. Whatever fails from here on, its outcome
        // row says so.
        match self.settle(&reply, &rule, &decision).await {
            Ok(body) => Ok(body),
            Err(refused) => {
                let happened = self.happened_entry(&reply.body, &rule);
                if self.logged(happened).await.is_err() {
                    tracing::error!("a mutation has happened without its outcome row");
                    return Err(log_down());
                }
                Err(refused)
            }
        }
    }

    /// Brings the facts of a mutation into force, and releases its answer with
    /// its outcome row.
    async fn settle(
        &mut self,
        reply: &Reply,
        rule: &str,
        decision: &Decision,
    ) -> Result<Bytes, Refused> {
        if let Some(number) = reply.fact_number {
            let upstream = self.upstream()?;
            self.gateway.feeds.drain(&upstream.name, number).await?;
        }
        let answer = &reply.body;
        let outer = if self.method.tilgang().handling() == Handling::Inntak {
            Klasser::av(&[Dataklasse::Teknisk])
        } else {
            decision.classes
        };
        let records = self.records(answer)?;
        for _ in 0..ATTEMPTS {
            self.look_up().await?;
            self.meet(&records).await?;
            let mut judged = Judged::on(self.person(), self.subject_facts().version);
            for record in &records {
                judged.add(self, record);
            }
            let body = self.rebuild(answer, &judged, 0, outer, None)?;
            let mut entry = judged.entry(self, Loggtype::Utfall);
            let answered = self.person_in(answer).filter(|_| self.person().is_none());
            for row in &mut entry.rows {
                row.ukjent = false;
                row.person = row.person.take().or_else(|| answered.clone());
                row.content.regler.push(rule.to_owned());
            }
            if self.logged(entry).await? {
                return Ok(body);
            }
        }
        Err(unsettled())
    }

    /// Decides on a mutation and makes its intent durable.
    async fn intend(&mut self) -> Result<(String, std::sync::Arc<Decision>), Refused> {
        if self.method.tilgang().handling() == Handling::Inntak {
            self.gateway.quota.take(&self.caller, self.now)?;
        }
        for _ in 0..ATTEMPTS {
            self.look_up().await?;
            let (rule, decision) = match self.permits() {
                Err(_) if self.remembered => {
                    self.look_again().await?;
                    self.permits()
                }
                decided => decided,
            }?;
            let version = self.subject_facts().version;
            let mut entry = Judged::on(self.person(), version).entry(self, Loggtype::Hensikt);
            for row in &mut entry.rows {
                row.content.regler.push(rule.clone());
                row.content.poster.push(samspor_proto::internt::Loggfort {
                    post: self.name.clone(),
                    ..Default::default()
                });
            }
            if self.logged(entry).await? {
                return Ok((rule, decision));
            }
        }
        Err(unsettled())
    }

    /// The row that permits the mutation on the facts that were looked up.
    fn permits(&self) -> Result<(String, std::sync::Arc<Decision>), Refused> {
        let facts = self.subject_facts();
        let permit = self.may_do(&facts)?;
        self.check_case(&facts)?;
        Ok(permit)
    }

    /// Step 5: to the owner and back.
    async fn send(&self, body: Bytes, classes: Klasser, rule: &str) -> Result<Reply, Refused> {
        let upstream = self.upstream()?;
        let span = telemetry::client_span(&upstream.name, &self.method.metode.sti);
        let answered = async {
            let request = self.attested(body, classes, rule)?;
            upstream.unary(&self.method.path, request).await
        }
        .instrument(span)
        .await;
        let response = answered?;
        Ok(Reply {
            fact_number: super::forward::fact_number(response.metadata()),
            body: response.into_inner(),
        })
    }

    fn open_token(&self) -> Result<PageState, Refused> {
        let digest = self.requests.arguments_digest(&self.body).map_err(faulty)?;
        self.gateway
            .page_key
            .open(&self.binding(digest), &self.request.page_token)
            .map_err(|_| Refused::new(Feilgrunn::UgyldigSidetoken))
    }

    fn seal(&self, state: &PageState) -> Result<String, Refused> {
        let digest = self.requests.arguments_digest(&self.body).map_err(faulty)?;
        let random = |nonce: &mut [u8]| self.gateway.ids.random(nonce);
        self.gateway
            .page_key
            .seal(random, &self.binding(digest), state)
            .map_err(|_| Refused::new(Feilgrunn::Unspecified))
    }

    fn binding(&self, argumenter: [u8; 32]) -> Binding<'_> {
        Binding {
            enhet: &self.caller.enhet,
            ansatt: &self.caller.ansatt,
            person: self.caller.person.as_deref().unwrap_or_default(),
            metode: &self.method.metode.sti,
            argumenter,
        }
    }

    pub(super) fn records<'b>(&self, answer: &'b [u8]) -> Result<Vec<FoundRecord<'b>>, Refused>
    where
        'g: 'b,
    {
        self.answers.records(answer).map_err(faulty)
    }

    /// What may leave of an answer whose records were judged from `first` on.
    pub(super) fn rebuild(
        &self,
        answer: &Bytes,
        judged: &Judged,
        first: usize,
        klasser: Klasser,
        next_page_token: Option<&str>,
    ) -> Result<Bytes, Refused> {
        let verdicts = judged.verdicts(first, &self.caller.enhet);
        let outer = Outer {
            klasser: klasser | Klasser::av(&[Dataklasse::Teknisk]),
            next_page_token,
        };
        self.answers
            .rebuild(answer, outer, &verdicts)
            .map_err(faulty)
    }

    /// The person whom an answer without records names (`SikrePerson`), so
    /// that the row is found by the person too.
    pub(super) fn person_in(&self, answer: &[u8]) -> Option<String> {
        let message =
            prost_reflect::DynamicMessage::decode(self.method.metode.ut.clone(), answer).ok()?;
        message.fields().find_map(|(_, value)| {
            parse_name("personer/{person}", value.as_str()?)?
                .person
                .map(ToOwned::to_owned)
        })
    }

    /// Makes the entry durable. `false`: facts changed under the decision.
    pub(super) async fn logged(&self, entry: Entry) -> Result<bool, Refused> {
        if entry.rows.is_empty() {
            return Ok(true);
        }
        let written = match self.anonymous() {
            true => self.gateway.log.hold(entry.rows).await,
            false => self.gateway.log.append(entry).await.map(drop),
        };
        match written {
            Ok(()) => Ok(true),
            Err(AppendError::FactsChanged(people)) => {
                for person in &people {
                    self.gateway
                        .facts
                        .refresh(person)
                        .await
                        .map_err(|_| log_down())?;
                }
                Ok(false)
            }
            Err(_) => Err(log_down()),
        }
    }
}

/// A service answered with what the contract does not allow. Nothing of it
/// leaves.
fn faulty(fault: WireError) -> Refused {
    tracing::error!(samspor.feil = %telemetry::variant(&fault), "a service broke its contract");
    Refused::new(Feilgrunn::Unspecified)
}

/// The access log cannot take a row: nothing is released (I1).
fn log_down() -> Refused {
    Refused::new(Feilgrunn::Utilgjengelig).with("del", "tilgangsloggen")
}

/// The facts never stood still.
pub(super) fn unsettled() -> Refused {
    Refused::new(Feilgrunn::Utilgjengelig).with("del", "tilgangsavgjorelsen")
}
