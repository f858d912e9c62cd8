//! Behandlingsplan: goals, what is done for each, and the day on which it is
//! evaluated. Each change is a new version; the newest holds.
//!
//! Invariants: one newest version per person; a version replaces the one that
//! was read, and says what came of it; the day of evaluation is a deadline
//! until the next version.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, HentBehandlingsplanRequest, HentBehandlingsplanResponse,
    ListBehandlingsplanerRequest, ListBehandlingsplanerResponse, MalTilstand,
    SkrivBehandlingsplanRequest, SkrivBehandlingsplanResponse,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    kontakt::rules::les_ref,
    lager::{self, Post},
    oppfolging, plandekning, tabell,
};

/// Collection in the resource name.
const SAMLING: &str = "behandlingsplaner";
/// Deadline: the plan is evaluated.
pub(crate) const FRIST_EVALUERING: &str = "evaluering";
/// How many days before the evaluation it becomes a task.
const VARSEL_DAGER: i32 = -14;
/// Most goals of a plan, and most tiltak of a goal.
const FLEST: usize = 20;
/// Longest time to the evaluation, in months.
const LENGST_MANEDER: i32 = 12;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mal {
    mal: String,
    tiltak: Vec<String>,
    #[serde(with = "tall")]
    tilstand: MalTilstand,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    nr: i32,
    gjeldende: bool,
    /// Id of the version that it replaced; empty for the first.
    erstatter: String,
    mal: Vec<Mal>,
    problem: String,
    evalueres: Dag,
    evaluering: String,
    med_personen: bool,
    registrert_av: Aktor,
    registrert: Tid,
    hjemmel: Hjemmel,
}

impl lager::Innhold for Plan {
    const SAMLING: &'static str = SAMLING;
    const SQL: &'static lager::Sql = tabell!("behandlingsplan");

    fn apen(&self) -> bool {
        self.gjeldende
    }

    fn frist(&self) -> Option<Tid> {
        self.gjeldende.then(|| self.evalueres.slutt())
    }

    /// The unit counts who has one.
    fn lagret<'t>(tx: &'t mut Tx, person: &'t str) -> BoxFuture<'t, Result<(), Error>> {
        plandekning::oppdater(tx, person).boxed()
    }
}

fn to_proto(plan: &Post<Plan>) -> proto::Behandlingsplan {
    let Plan {
        nr,
        gjeldende,
        erstatter,
        mal,
        problem,
        evalueres,
        evaluering,
        med_personen,
        registrert_av,
        registrert,
        hjemmel,
    } = plan.innhold.clone();
    let goals = mal.into_iter().map(|goal| proto::Behandlingsmal {
        mal: goal.mal,
        tiltak: goal.tiltak,
        tilstand: goal.tilstand.into(),
    });
    proto::Behandlingsplan {
        name: plan.name(),
        etag: plan.etag(),
        ansvarlig_enhet: navn::enhet(&plan.enhet),
        versjon: nr,
        gjeldende,
        erstatter: match erstatter.is_empty() {
            true => erstatter,
            false => navn::post(&plan.person, SAMLING, &erstatter),
        },
        mal: goals.collect(),
        problem,
        evalueres: evalueres.to_string(),
        evaluering,
        med_personen,
        registrert_av: Some(registrert_av.to_proto()),
        registrert: Some(registrert.into()),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}

fn les_mal(goals: &[proto::Behandlingsmal], faults: &mut FieldFaults) -> Vec<Mal> {
    if goals.is_empty() {
        faults.missing("mal");
    }
    felt::antall(goals.len(), "mal", FLEST, faults);
    goals
        .iter()
        .enumerate()
        .map(|(place, goal)| {
            let field = |name: &str| format!("mal[{place}].{name}");
            Mal {
                mal: felt::pakrevd(&goal.mal, &field("mal"), felt::LANG, faults),
                tiltak: felt::tekster(&goal.tiltak, &field("tiltak"), FLEST, faults),
                tilstand: felt::valg(
                    goal.tilstand,
                    &field("tilstand"),
                    "samspor.rop.v1.MalTilstand",
                    faults,
                ),
            }
        })
        .collect()
}

/// Reads a version. None only where there is a fault.
fn les(
    request: &SkrivBehandlingsplanRequest,
    person: &str,
    av: Aktor,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Plan> {
    let evaluering = felt::tekst(&request.evaluering, "evaluering", felt::LANG, faults);
    match (request.erstatter.is_empty(), evaluering.is_empty()) {
        (false, true) if request.evaluering.trim().is_empty() => faults.missing("evaluering"),
        (true, false) => faults.contradicts(
            "evaluering",
            "erstatter",
            "det er ingen tidligere plan å evaluere",
        ),
        _ => {}
    }
    let mal = les_mal(&request.mal, faults);
    let problem = felt::tekst(&request.problem, "problem", felt::LANG, faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults);
    let erstatter = les_ref(&request.erstatter, SAMLING, person, "erstatter", faults);
    let evalueres = felt::pakrevd_dag(&request.evalueres, "evalueres", faults)?;
    let today = Dag::av(now);
    if evalueres <= today || evalueres > today.pluss_maneder(LENGST_MANEDER) {
        faults.form("evalueres", "en dag etter i dag og innen ett år");
    }
    Some(Plan {
        nr: 1,
        gjeldende: true,
        erstatter,
        mal,
        problem,
        evalueres,
        evaluering,
        med_personen: request.med_personen,
        registrert_av: av,
        registrert: now,
        hjemmel,
    })
}

/// The number of the new version, when it replaces the newest as it was read.
///
/// # Errors
/// `UTDATERT_ETAG` when somebody else has written since.
fn erstatt(new: &mut Plan, before: Option<&Post<Plan>>) -> Result<(), Refusal> {
    let newest = before.map(|plan| plan.id.as_str()).unwrap_or_default();
    if newest != new.erstatter {
        return Err(Refusal::stale_etag());
    }
    new.nr = before.map_or(1, |plan| plan.innhold.nr + 1);
    Ok(())
}

pub(crate) async fn skriv(
    tx: &mut Tx,
    request: SkrivBehandlingsplanRequest,
) -> Result<SkrivBehandlingsplanResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let plan = les(&request, &person, av, tx.now(), &mut faults);
    faults.finish()?;
    let mut plan = plan.ok_or_else(|| Error::internal("no plan and no fault"))?;
    oppfolging::rpc::folg(tx, &person).await?;
    let before = lager::apne::<Plan>(tx, &person).await?.pop();
    erstatt(&mut plan, before.as_ref())?;
    let mut out = Virkninger::new();
    if let Some(mut before) = before {
        before.innhold.gjeldende = false;
        lager::lagre(tx, &mut before).await?;
        out.slett_frist(FRIST_EVALUERING, &before.name());
        innboks::rpc::ferdig(tx, &person, Type::Evaluering, &before.name()).await?;
    }
    let plan = Post::ny(ENHET, person, tx.new_id(), plan);
    lager::legg_til(tx, &plan).await?;
    let owner = [plan.enhet.clone()];
    out.hendelse("BehandlingsplanSkrevet", &plan.emne(), owner);
    frist(&plan, tx.now(), &mut out);
    out.utfor(tx);
    Ok(SkrivBehandlingsplanResponse {
        behandlingsplan: Some(to_proto(&plan)),
    })
}

fn frist(plan: &Post<Plan>, now: Tid, out: &mut Virkninger) {
    let day = plan.innhold.evalueres;
    let warn = day.pluss_dager(VARSEL_DAGER).start().max(now);
    let owner = [plan.enhet.clone()];
    out.frist(
        FRIST_EVALUERING,
        &plan.emne(),
        day.slutt(),
        Some(warn),
        owner,
    );
}

/// The unit follows the person anew: the plan that stands is evaluated.
pub(crate) async fn gjenoppta(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    for plan in lager::apne::<Plan>(tx, person).await? {
        frist(&plan, tx.now(), &mut out);
    }
    out.utfor(tx);
    Ok(())
}

/// The unit follows the person no more: the plan stands, and is not evaluated.
pub(crate) async fn stans(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let mut out = Virkninger::new();
    for plan in lager::apne::<Plan>(tx, person).await? {
        out.slett_frist(FRIST_EVALUERING, &plan.name());
    }
    out.utfor(tx);
    Ok(())
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBehandlingsplanRequest,
) -> Result<HentBehandlingsplanResponse, Error> {
    let plan = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentBehandlingsplanResponse {
        behandlingsplan: Some(to_proto(&plan)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListBehandlingsplanerRequest,
) -> Result<ListBehandlingsplanerResponse, Error> {
    let (plans, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListBehandlingsplanerResponse {
        behandlingsplaner: plans.iter().map(to_proto).collect(),
        next_page_token,
    })
}
