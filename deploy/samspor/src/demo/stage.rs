//! What every story stands on: a mesh, a clock, people at desks, and somebody
//! who is told what they do.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Result, anyhow};
use prost::Message;
use samspor_chassis::{
    domene::Dag,
    tid::{Clock as _, Tid},
};
use samspor_gateway::policy::Municipality;
use samspor_proto::{
    bestillerkontor::Tjenestetype,
    felles::{Hjemmel, Rolle},
    tilgang::Formal,
};
use tonic::Status;

use super::{
    klokke::Klokke,
    print::{Printer, Step},
    seen::Seen,
};
use crate::{
    desk::{Answer, Desk},
    mesh::{Mesh, citizen, employee},
};

/// A made-up identity number: month + 80, so that no person can have it.
pub(super) const SYNTETISK: &str = "01819010001";

/// Somebody at a desk, with a name for the audience.
#[derive(Clone)]
pub(super) struct Someone {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) desk: Desk,
}

/// What an answer is in one line, and what was seen of its record.
pub(super) struct Tale(String, Option<Seen>);

impl From<&str> for Tale {
    fn from(svar: &str) -> Self {
        Self(svar.to_owned(), None)
    }
}

impl From<String> for Tale {
    fn from(svar: String) -> Self {
        Self(svar, None)
    }
}

impl From<(String, Option<Seen>)> for Tale {
    fn from((svar, innhold): (String, Option<Seen>)) -> Self {
        Self(svar, innhold)
    }
}

/// One municipality, in which a story is played.
pub(super) struct Stage<'m> {
    pub(super) mesh: &'m Mesh,
    pub(super) clock: &'m Klokke,
    pub(super) out: &'m mut Printer,
    /// Its id: `karmoy`.
    pub(super) kommune: &'m str,
    /// Its file: who holds which function.
    pub(super) municipality: &'m Municipality,
    requests: AtomicU32,
}

impl<'m> Stage<'m> {
    pub(super) fn new(
        (mesh, clock): (&'m Mesh, &'m Klokke),
        (kommune, municipality): (&'m str, &'m Municipality),
        out: &'m mut Printer,
    ) -> Self {
        Self {
            mesh,
            clock,
            out,
            kommune,
            municipality,
            requests: AtomicU32::new(0),
        }
    }

    /// An employee with a role; `id` tells two in the same role apart.
    pub(super) async fn someone(
        &self,
        name: &str,
        unit: &str,
        id: &str,
        role: Rolle,
    ) -> Result<Someone> {
        Ok(Someone {
            name: name.to_owned(),
            unit: unit.to_owned(),
            desk: self.mesh.desk(employee(unit, id, role)).await?,
        })
    }

    /// The same, called by what the municipality calls the unit.
    pub(super) async fn employee(&self, unit: &str, role: Rolle) -> Result<Someone> {
        let role_name = short(role.as_str_name()).to_lowercase();
        let name = format!("{}, {role_name}", self.called(unit));
        // Short, for it stands in the access log.
        let prefix: String = unit.chars().take(3).collect();
        let id = format!("{prefix}-{role_name}");
        self.someone(&name, unit, &id, role).await
    }

    pub(super) async fn the_person(&self, person: &str) -> Result<Someone> {
        let claims = citizen(person.trim_start_matches("personer/"));
        Ok(Someone {
            name: "The person".to_owned(),
            unit: String::new(),
            desk: self.mesh.desk(claims).await?,
        })
    }

    /// What the municipality calls a unit.
    pub(super) fn called(&self, unit: &str) -> String {
        let found = self.municipality.unit(unit);
        found.map_or_else(|| unit.to_owned(), |unit| unit.navn.clone())
    }

    /// The unit that holds a function; the first, where several do.
    pub(super) fn holder(&self, function: &str) -> Result<String> {
        let holders = self.municipality.holders_of(function);
        holders
            .into_iter()
            .next()
            .ok_or_else(|| anyhow!("nobody has {function} in {}", self.kommune))
    }

    /// Who decides on what, by the municipality's file: units in the order of
    /// the lines, with theirs.
    pub(super) fn deciders(&self, lines: &[Tjenestetype]) -> Result<Vec<(String, Vec<usize>)>> {
        let mut order: Vec<String> = Vec::new();
        let mut of: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, line) in lines.iter().enumerate() {
            let kind = type_name(*line).to_lowercase();
            let unit = self.holder(&format!("vedtaksmyndighet:{kind}"))?;
            if !order.contains(&unit) {
                order.push(unit.clone());
            }
            of.entry(unit).or_default().push(place);
        }
        let with = |unit: String| {
            let lines = of.get(&unit).cloned().unwrap_or_default();
            (unit, lines)
        };
        Ok(order.into_iter().map(with).collect())
    }

    /// A fresh request id; fixed, so that the demo is the same every time.
    pub(super) fn id(&self) -> String {
        let next = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        format!("00000000-0000-4000-8000-{next:012}")
    }

    pub(super) fn now(&self) -> Tid {
        self.clock.now()
    }

    /// The day so many days from today, `YYYY-MM-DD`.
    pub(super) fn day(&self, from_now: i32) -> String {
        Dag::av(self.now()).pluss_dager(from_now).to_string()
    }

    /// Days go by.
    pub(super) fn days_pass(&self, days: i32, why: &str) {
        self.clock.days_pass(days);
        let today = Dag::av(self.now());
        self.out
            .chapter(&format!("{today}, {days} days later: {why}"));
    }

    /// Asks, tells the audience, and hands the answer on.
    pub(super) async fn ask<Q, A, T>(
        &mut self,
        who: &Someone,
        formal: Formal,
        what: &str,
        method: &str,
        request: Q,
        tell: impl FnOnce(&A) -> T,
    ) -> Answer<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
        T: Into<Tale>,
    {
        let desk = who.desk.with_purpose(formal);
        // On the heap: a story has many of them.
        let answer: Answer<A> = Box::pin(desk.call(method, request)).await;
        let Tale(svar, innhold) = match &answer.result {
            Ok(response) => tell(response).into(),
            Err(status) => refusal(status).into(),
        };
        self.out.step(Step {
            kommune: self.kommune.to_owned(),
            hvem: who.name.clone(),
            hva: what.to_owned(),
            formal: short(formal.as_str_name()).to_owned(),
            svar,
            avslatt: answer.result.is_err(),
            innhold,
            sporing: answer.trace_id.clone(),
            ..Step::default()
        });
        answer
    }

    /// The same where the story cannot go on without an answer.
    pub(super) async fn must<Q, A, T>(
        &mut self,
        who: &Someone,
        formal: Formal,
        what: &str,
        method: &str,
        request: Q,
        tell: impl FnOnce(&A) -> T,
    ) -> Result<A>
    where
        Q: Message + Debug + 'static,
        A: Message + Default + 'static,
        T: Into<Tale>,
    {
        let answer = self.ask(who, formal, what, method, request, tell).await;
        answer.result.map_err(|status| {
            anyhow!(
                "{} {what}, and must be answered: {}",
                who.name,
                refusal(&status)
            )
        })
    }
}

/// A value of an enum without the name of the enum.
pub(super) fn short(name: &str) -> &str {
    const PREFIXES: [&str; 9] = [
        "FORMAL_",
        "ROLLE_",
        "TJENESTETYPE_",
        "VENTETYPE_",
        "SOKNAD_TILSTAND_",
        "VEDTAK_TILSTAND_",
        "KLAGE_TILSTAND_",
        "LEVERINGSGRAD_",
        "OPPGAVETYPE_",
    ];
    let found = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    found.unwrap_or(name)
}

pub(super) fn type_name(of: Tjenestetype) -> &'static str {
    short(of.as_str_name())
}

pub(super) fn basis(lov: &str, paragraf: &str) -> Hjemmel {
    Hjemmel {
        lov: lov.to_owned(),
        paragraf: paragraf.to_owned(),
    }
}

/// The unit of a name: `rop` of `enheter/rop`.
pub(super) fn unit_of(name: &str) -> &str {
    name.trim_start_matches("enheter/")
}

pub(super) fn refusal(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
