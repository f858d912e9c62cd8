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
const ATTEMPTS: usize = 8;
/// Calls to an owner for one page, at most. A page that needs more ends early
/// with a token.
const OWNER_CALLS: usize = 50;
/// Records of a page when the caller names no size, and at most.
const PAGE_DEFAULT: i32 = 50;
const PAGE_MAX: i32 = 200;

impl Passage<'_> {
    /// Answers a unary call. The row of a refusal is durable before it is told.
    pub(super) async fn answer(&mut self) -> Result<Bytes, Refused> {
        let answered = match self.method.tilgang().handling() {
            Handling::Les => self.read().await,
            Handling::List => self.list().await,
            Handling::Skriv | Handling::Inntak => return self.write().await,
            Handling::Unspecified => Err(Refused::new(Feilgrunn::UkjentMetode)),
        };
        match answered {
            Ok(body) => Ok(body),
            Err(refused) => Err(self.log_refusal(refused, Loggtype::Avslag).await),
        }
    }

    /// Writes the row of a refusal; when that fails, the caller hears so instead.
    pub(super) async fn log_refusal(&self, refused: Refused, kind: Loggtype) -> Refused {
        match self
            .gateway
            .log
            .append(self.refusal_entry(&refused, kind))
            .await
        {
            Ok(_) => refused,
            Err(_) => log_down(),
        }
    }

    /// Decides before any look-up; NOT_FOUND for whoever may not know.
    pub(super) fn admit_read(&self) -> Result<std::sync::Arc<Decision>, Refused> {
        let facts = self.subject_facts();
        let could = self.could_read(&facts);
        if !self.knows(&could) {
            return Err(Refused::not_found().by(could.refused_by.iter().map(ToString::to_string)));
        }
        self.check_case(&facts)?;
        self.check_filters(&could)?;
        Ok(could)
    }

    async fn read(&mut self) -> Result<Bytes, Refused> {
        let could = self.admit_read()?;
        let answer = self.forward(self.body.clone(), could.classes, "").await?;
        for _ in 0..ATTEMPTS {
            let mut judged = Judged::default();
            let records = self.records(&answer)?;
            for record in &records {
                judged.add(self, record);
            }
            if !records.is_empty() && judged.kept() == 0 {
                return Err(Refused::not_found());
            }
            let body = self.rebuild(&answer, &judged, 0, could.classes, None)?;
            if self.logged(judged.entry(self, Loggtype::Innsyn)).await? {
                return Ok(body);
            }
            self.now = self.gateway.now();
        }
        Err(unsettled())
    }

    async fn list(&mut self) -> Result<Bytes, Refused> {
        let could = self.admit_read()?;
        let want = match self.request.page_size {
            0 => PAGE_DEFAULT,
            size @ 1..=PAGE_MAX => size,
            _ => {
                let keys = [("min", "1"), ("maks", "200")];
                return Err(Refused::field("page_size", Feilgrunn::FeltOmrade, &keys));
            }
        };
        for _ in 0..ATTEMPTS {
            let (body, judged) = self.page(want, &could).await?;
            if self.logged(judged.entry(self, Loggtype::Innsyn)).await? {
                return Ok(body);
            }
            self.now = self.gateway.now();
        }
        Err(unsettled())
    }

    /// Fills one page with what the caller may know of. One record more than
    /// the page holds is sought, so that a token is given only when there is
    /// something behind it that the caller may see: paging tells nothing of
    /// what was dropped.
    async fn page(&self, want: i32, could: &Decision) -> Result<(Bytes, Judged), Refused> {
        let want = usize::try_from(want).unwrap_or_default();
        let mut at = self.open_token()?;
        let mut all = Judged::default();
        let mut out = BytesMut::new();
        let mut next: Option<PageState> = None;
        let mut kept = 0;
        for calls in 1..=OWNER_CALLS {
            let size = i32::try_from(want + 1).unwrap_or(i32::MAX);
            let ask = self
                .requests
                .with_page(&self.body, size, &at.owner_token)
                .map_err(faulty)?;
            let answer = self.forward(ask, could.classes, "").await?;
            let records = self.records(&answer)?;
            let first = all.records.len();
            let skip = usize::try_from(at.skip).unwrap_or(usize::MAX);
            for (position, record) in records.iter().enumerate() {
                if position < skip {
                    all.records.push(None);
                } else if kept < want {
                    all.add(self, record);
                    kept = all.kept();
                } else if Judged::would_keep(self, record) {
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
            let ended = next.is_some() || owner_next.is_empty() || calls == OWNER_CALLS;
            if next.is_none() && !owner_next.is_empty() && ended {
                next = Some(PageState {
                    owner_token: owner_next.clone(),
                    skip: 0,
                });
            }
            let token = match &next {
                Some(place) => Some(self.seal(place)?),
                None => None,
            };
            let outer = if calls == 1 {
                could.classes
            } else {
                Klasser::INGEN
            };
            out.extend_from_slice(&self.rebuild(&answer, &all, first, outer, token.as_deref())?);
            if ended {
                return Ok((out.freeze(), all));
            }
            at = PageState {
                owner_token: owner_next,
                skip: 0,
            };
        }
        Err(unsettled())
    }

    /// A mutation: intent durable before it is forwarded, outcome before it is
    /// answered, and the caller's own facts in force.
    async fn write(&mut self) -> Result<Bytes, Refused> {
        let (rule, decision) = match self.intend().await {
            Ok(permit) => permit,
            Err(refused) => return Err(self.log_refusal(refused, Loggtype::Avslag).await),
        };
        let answer = match self
            .forward(self.body.clone(), decision.classes, &rule)
            .await
        {
            Ok(answer) => answer,
            Err(refused) => return Err(self.log_refusal(refused, Loggtype::Utfall).await),
        };
        let outer = if self.method.tilgang().handling() == Handling::Inntak {
            Klasser::av(&[Dataklasse::Teknisk])
        } else {
            decision.classes
        };
        for _ in 0..ATTEMPTS {
            let mut judged = Judged::default();
            for record in &self.records(&answer)? {
                judged.add(self, record);
            }
            let body = self.rebuild(&answer, &judged, 0, outer, None)?;
            let mut entry = judged.entry(self, Loggtype::Utfall);
            if self.person().is_none()
                && let Some(person) = self.person_in(&answer)
            {
                for row in &mut entry.rows {
                    row.person.get_or_insert_with(|| person.clone());
                }
            }
            for row in &mut entry.rows {
                row.content.regler.push(rule.clone());
            }
            if self.logged(entry).await? {
                return Ok(body);
            }
            self.now = self.gateway.now();
        }
        Err(unsettled())
    }

    /// Decides on a mutation and makes its intent durable.
    async fn intend(&mut self) -> Result<(String, std::sync::Arc<Decision>), Refused> {
        for _ in 0..ATTEMPTS {
            let facts = self.subject_facts();
            let (rule, decision) = self.may_do(&facts)?;
            self.check_case(&facts)?;
            let mut entry = Judged::on(self.person(), facts.version).entry(self, Loggtype::Hensikt);
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
            self.now = self.gateway.now();
        }
        Err(unsettled())
    }

    /// Forwards, and brings the facts that the answer made into force.
    async fn forward(&self, body: Bytes, classes: Klasser, rule: &str) -> Result<Bytes, Refused> {
        let upstream = self
            .gateway
            .upstream(self.method, self.request.rute.as_deref())?;
        let span = telemetry::client_span(&upstream.name, &self.method.metode.sti);
        let answered = async {
            let request = self.attested(body, classes, rule)?;
            Ok(upstream.unary(&self.method.path, request).await)
        }
        .instrument(span)
        .await?;
        let response = answered.map_err(|status| Refused::from_service(&upstream.name, &status))?;
        if let Some(number) = super::forward::fact_number(response.metadata()) {
            self.gateway.feeds.drain(&upstream.name, number).await?;
        }
        Ok(response.into_inner())
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

    pub(super) fn records<'b>(&'b self, answer: &'b [u8]) -> Result<Vec<FoundRecord<'b>>, Refused> {
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
    fn person_in(&self, answer: &[u8]) -> Option<String> {
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
        match self.gateway.log.append(entry).await {
            Ok(_) => Ok(true),
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
    tracing::error!(error = %fault, "a service broke its contract");
    Refused::new(Feilgrunn::Unspecified)
}

/// The access log cannot take a row: nothing is released (I1).
fn log_down() -> Refused {
    Refused::new(Feilgrunn::Utilgjengelig).with("del", "tilgangsloggen")
}

/// The facts never stood still.
fn unsettled() -> Refused {
    Refused::new(Feilgrunn::Utilgjengelig).with("del", "tilgangsavgjorelsen")
}
