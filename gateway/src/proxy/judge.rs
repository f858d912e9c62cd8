//! Step 6, decide on the answer: every record for itself, every class of it,
//! by the facts of the person whom it is about.

use std::{collections::BTreeMap, sync::Arc};

use samspor_chassis::{domene::Dag, tid::Tid};
use samspor_proto::{
    felles::Rolle,
    internt::{Loggfort, Loggpost, Loggtype},
    klassifisering::Klasser,
};

use super::{passage::Passage, refusal::Refused};
use crate::{
    log::{Entry, Row, Subject as Version},
    policy::{Act, Decision, Part, Question},
    redaction::{EncodedSkjerming, FoundRecord, Keep, Verdict},
};

/// What was decided about the records of one answer.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// One for each record, in order; none: it does not appear.
    pub records: Vec<Option<Kept>>,
    /// What is said about withheld classes, encoded once for each decision.
    sayings: Vec<(Arc<Decision>, Arc<EncodedSkjerming>)>,
    /// Who was judged about, with what was released.
    people: BTreeMap<Option<String>, Seen>,
}

/// What may leave of a record.
#[derive(Debug)]
pub(super) struct Kept {
    head: Klasser,
    own: Klasser,
    other: Klasser,
    show_etag: bool,
    skjerming: Arc<EncodedSkjerming>,
}

#[derive(Debug)]
struct Seen {
    /// The oldest facts that something was decided on: newer ones in between
    /// must not hide that.
    version: i64,
    posts: Vec<Loggfort>,
    /// Rules that decided about this person.
    rules: Vec<String>,
    own_relation: bool,
    basis: Vec<u8>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            version: i64::MAX,
            posts: Vec::new(),
            rules: Vec::new(),
            own_relation: false,
            basis: Vec::new(),
        }
    }
}

impl Judged {
    /// Persons on whose facts something was decided.
    pub(super) fn persons(&self) -> impl Iterator<Item = &str> {
        self.people.keys().flatten().map(String::as_str)
    }

    /// Nothing released yet, but decided on these facts of the call's subject.
    pub(super) fn on(person: Option<&str>, version: i64) -> Self {
        let seen = Seen {
            version,
            ..Seen::default()
        };
        Self {
            people: BTreeMap::from([(person.map(ToOwned::to_owned), seen)]),
            ..Self::default()
        }
    }

    /// Rules that decided, about whomever.
    pub(super) fn rules(&self) -> impl Iterator<Item = &String> {
        self.people.values().flat_map(|seen| &seen.rules)
    }

    /// Records that are kept.
    pub(super) fn kept(&self) -> usize {
        self.records.iter().flatten().count()
    }

    /// Verdicts of the records from a position on, for a caller's unit.
    pub(super) fn verdicts<'v>(&'v self, from: usize, unit: &'v str) -> Vec<Verdict<'v>> {
        let records = self.records.get(from..).unwrap_or_default();
        let verdict = |kept: &'v Option<Kept>| match kept {
            None => Verdict::Drop,
            Some(kept) => Verdict::Keep(Keep {
                head: kept.head,
                own: kept.own,
                other: kept.other,
                unit,
                show_etag: kept.show_etag,
                skjerming: &kept.skjerming,
            }),
        };
        records.iter().map(verdict).collect()
    }

    /// Whether the caller may know of a record, without releasing it. That too
    /// is decided on facts that the log checks.
    pub(super) fn would_keep(&mut self, passage: &Passage<'_>, record: &FoundRecord<'_>) -> bool {
        let mut trial = Self::default();
        trial.add(passage, record);
        let kept = trial.kept() == 1;
        for (person, seen) in trial.people {
            let known = self.people.entry(person).or_default();
            known.version = known.version.min(seen.version);
        }
        kept
    }

    /// Judges one more record, whose people the call has met.
    pub(super) fn add(&mut self, passage: &Passage<'_>, record: &FoundRecord<'_>) {
        let gateway = passage.gateway;
        let facts = record
            .person
            .map_or_else(Arc::default, |person| passage.facts_of(person));
        let Some(ressurs) = gateway.ressurs(record.ressurs) else {
            self.records.push(None);
            return;
        };
        let mut question = passage.question(Act::Read, &facts, record.person);
        question.ressurs = ressurs;
        question.record = Some(record.head);
        let decided = gateway.policy.decide(&question);
        let referred = self.referred_classes(passage, &question, record);
        let hidden = self.tells_of_hidden(passage, &question, record);

        let seen = self
            .people
            .entry(record.person.map(ToOwned::to_owned))
            .or_default();
        seen.version = seen.version.min(facts.version);
        for rule in decided.permits.iter().chain(&decided.refused_by) {
            if !seen.rules.iter().any(|known| **known == **rule) {
                seen.rules.push(rule.to_string());
            }
        }
        if !decided.existence(ressurs) || referred.er_tom() || hidden {
            self.records.push(None);
            return;
        }
        let part = |part| {
            if record.has_parts {
                gateway
                    .policy
                    .decide(&Question { part, ..question })
                    .classes
                    & referred
            } else {
                Klasser::INGEN
            }
        };
        let may_write = |row: &String| {
            let act = Act::Do(row);
            !gateway
                .policy
                .decide(&Question { act, ..question })
                .nothing()
        };
        let mut kept = Kept {
            head: decided.classes & referred,
            own: part(Part::Own),
            other: part(Part::Other),
            show_etag: gateway.rows_of(record.ressurs).iter().any(may_write),
            skjerming: Arc::default(),
        };
        seen.posts.push(Loggfort {
            unntatt_innsyn: record.head.unntatt_innsyn,
            post: record.head.name.to_owned(),
            utlevert: (kept.head | kept.own | kept.other).bits(),
            skjermet: ressurs.klasser.uten(kept.head).bits(),
        });
        seen.own_relation |= gateway.policy.own_relation(&question);
        seen.basis = gateway.policy.grunnlag(&question).to_vec();
        kept.skjerming = self.saying(&decided);
        self.records.push(Some(kept));
    }

    fn saying(&mut self, decided: &Arc<Decision>) -> Arc<EncodedSkjerming> {
        if let Some((_, saying)) = self
            .sayings
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, decided))
        {
            return Arc::clone(saying);
        }
        let saying = Arc::new(EncodedSkjerming::new(&decided.skjerming()));
        self.sayings
            .push((Arc::clone(decided), Arc::clone(&saying)));
        saying
    }

    /// Other persons whom a record names decide too, each by their own facts;
    /// but the person may know whom the own facts name, such as who represents.
    fn referred_classes(
        &mut self,
        passage: &Passage<'_>,
        asked: &Question<'_>,
        record: &FoundRecord<'_>,
    ) -> Klasser {
        record
            .personrefs
            .iter()
            .filter(|other| asked.caller.rolle != Rolle::Innbygger || !asked.facts.name(other))
            .fold(Klasser::alle(), |classes, other| {
                let facts = passage.facts_of(other);
                let seen = self.people.entry(Some((*other).to_owned())).or_default();
                seen.version = seen.version.min(facts.version);
                let question = Question {
                    subject: Some(other),
                    facts: &facts,
                    ..*asked
                };
                classes & passage.gateway.policy.decide(&question).classes
            })
    }

    /// Whether a record tells of somebody who is hidden from the caller: it is
    /// then as one that is not there.
    fn tells_of_hidden(
        &mut self,
        passage: &Passage<'_>,
        asked: &Question<'_>,
        record: &FoundRecord<'_>,
    ) -> bool {
        let mut hidden = false;
        for person in &record.omtalte {
            let facts = passage.facts_of(person);
            let seen = self.people.entry(Some((*person).to_owned())).or_default();
            seen.version = seen.version.min(facts.version);
            let question = Question {
                subject: Some(person),
                facts: &facts,
                ..*asked
            };
            hidden |= passage.gateway.policy.decide(&question).som_ukjent;
        }
        hidden
    }

    /// The log entry: one row for each person, checked against the facts that
    /// the decision was made on.
    pub(super) fn entry(self, passage: &Passage<'_>, kind: Loggtype) -> Entry {
        let subjects = self
            .people
            .iter()
            .filter_map(|(person, seen)| {
                Some(Version {
                    person: person.clone()?,
                    version: seen.version,
                })
            })
            .collect();
        let subject = passage.person();
        let released = self.people.values().any(|seen| !seen.posts.is_empty());
        // The same instant for everybody: by it the rows are known as one call.
        let row = passage.row(kind);
        let rows = self
            .people
            .into_iter()
            // A call that released nothing is still a call about its subject.
            .filter(|(person, seen)| {
                !seen.posts.is_empty()
                    || person.as_deref() == subject && (subject.is_some() || !released)
            })
            .map(|(person, seen)| Row {
                person,
                ukjent: seen.version == 0 && seen.posts.is_empty(),
                content: Loggpost {
                    poster: seen.posts,
                    regler: seen.rules,
                    egen_relasjon: seen.own_relation,
                    grunnlag: seen.basis.into(),
                    ..row.clone()
                },
            })
            .collect();
        Entry { rows, subjects }
    }
}

impl Passage<'_> {
    /// The log row of this call, without what was decided.
    pub(super) fn row(&self, kind: Loggtype) -> Loggpost {
        let now = self.gateway.now();
        if self.anonymous() {
            return Loggpost {
                tid: Dag::av(Tid(now)).start().0,
                r#type: kind.into(),
                aktor: Some(self.aktor()),
                formal: self.formal.into(),
                metode: self.method.metode.sti.clone(),
                regelversjon: self.gateway.policy.version().to_owned(),
                ..Loggpost::default()
            };
        }
        Loggpost {
            tid: now,
            r#type: kind.into(),
            aktor: Some(self.aktor()),
            formal: self.formal.into(),
            metode: self.method.metode.sti.clone(),
            sak: self.border.sak.clone().unwrap_or_default(),
            regelversjon: self.gateway.policy.version().to_owned(),
            sporings_id: self.trace_id.clone(),
            system: self.caller.system.clone(),
            representant: self.caller.person.as_deref().is_some_and(|own| {
                let facts = self.subject_facts();
                Some(own) != self.person() && !facts.same_human(own, self.gateway.now())
            }),
            ..Loggpost::default()
        }
    }

    /// The row of a refusal. It holds whatever the facts have become, so no
    /// version is checked, unless it tells something of the record.
    pub(super) fn refusal_entry(&self, refused: &Refused, kind: Loggtype) -> Entry {
        let told = refused.classes_told(self.visible());
        let facts = self.subject_facts();
        let checked = self.person().filter(|_| !told.er_tom());
        let content = Loggpost {
            regler: refused.rules.clone(),
            utfall: refused.feil.grunn,
            poster: vec![Loggfort {
                post: self.name.clone(),
                utlevert: told.bits(),
                ..Loggfort::default()
            }],
            ..self.row(kind)
        };
        Entry {
            rows: vec![Row {
                person: self.person().map(ToOwned::to_owned),
                ukjent: facts.version <= 0,
                content,
            }],
            subjects: checked
                .map(|person| Version {
                    person: person.to_owned(),
                    version: facts.version,
                })
                .into_iter()
                .collect(),
        }
    }

    /// The row of a mutation that has happened, though its caller is not
    /// answered. It holds whatever the facts have become.
    pub(super) fn happened_entry(&self, answer: &[u8], rule: &str) -> Entry {
        let records = self.records(answer).unwrap_or_default();
        let mut names: Vec<&str> = records.iter().map(|record| record.head.name).collect();
        if names.is_empty() {
            names.push(&self.name);
        }
        let content = Loggpost {
            regler: vec![rule.to_owned()],
            poster: names
                .into_iter()
                .map(|name| Loggfort {
                    post: name.to_owned(),
                    ..Loggfort::default()
                })
                .collect(),
            ..self.row(Loggtype::Utfall)
        };
        Entry {
            rows: vec![Row {
                person: self
                    .person()
                    .map(ToOwned::to_owned)
                    .or_else(|| self.person_in(answer)),
                ukjent: false,
                content,
            }],
            subjects: Vec::new(),
        }
    }
}
