//! Planlagt kontakt: a contact that is to come.
//!
//! PLANLAGT → GJENNOMFORT (a contact was registered for it) | AVLYST.
//! Invariants: what is planned face to face has two employees while the risk
//! assessment asks for two: refused here, where it can still be changed;
//! a planned contact that nobody reports on becomes a task the day after.

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, AvlysKontaktRequest, AvlysKontaktResponse, Kontakttype,
    ListPlanlagteKontakterRequest, ListPlanlagteKontakterResponse, PlanTilstand,
    PlanleggKontaktRequest, PlanleggKontaktResponse,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    kontakt::{self, Kontakt, rules::les_ref},
    lager::{self, Post},
    oppfolging,
    risikovurdering::{self, Bemanning},
    tabell,
};

/// Collection in the resource name.
pub(crate) const SAMLING: &str = "planlagte_kontakter";
/// Deadline: somebody says what came of it, by the end of the next day.
pub(crate) const FRIST_RAPPORT: &str = "planlagt_kontakt";
/// How far ahead a contact can be planned, in months.
const LENGST_MANEDER: i32 = 12;

/// What is planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    #[serde(with = "tall")]
    tilstand: PlanTilstand,
    #[serde(with = "tall")]
    type_: Kontakttype,
    tidspunkt: Tid,
    ansatte: Vec<String>,
    /// Id of the tiltak; empty: none.
    tiltak: String,
    /// Id of the contact that came of it.
    kontakt: String,
    begrunnelse: String,
    registrert_av: Aktor,
    registrert: Tid,
    hjemmel: Hjemmel,
}

impl lager::Innhold for Plan {
    const SAMLING: &'static str = SAMLING;
    const SQL: &'static lager::Sql = tabell!("planlagt_kontakt");

    fn apen(&self) -> bool {
        self.tilstand == PlanTilstand::Planlagt
    }

    fn frist(&self) -> Option<Tid> {
        Some(rapport(self.tidspunkt))
    }
}

/// When it must be known what came of a contact that was planned then.
fn rapport(tidspunkt: Tid) -> Tid {
    Dag::av(tidspunkt).pluss_dager(1).slutt()
}

fn to_proto(plan: &Post<Plan>) -> proto::PlanlagtKontakt {
    let Plan {
        tilstand,
        type_,
        tidspunkt,
        ansatte,
        tiltak,
        kontakt,
        begrunnelse,
        registrert_av,
        registrert,
        hjemmel,
    } = plan.innhold.clone();
    let named = |samling: &str, id: String| match id.is_empty() {
        true => id,
        false => navn::post(&plan.person, samling, &id),
    };
    proto::PlanlagtKontakt {
        name: plan.name(),
        etag: plan.etag(),
        ansvarlig_enhet: navn::enhet(&plan.enhet),
        tilstand: tilstand.into(),
        r#type: type_.into(),
        tidspunkt: Some(tidspunkt.into()),
        ansatte,
        tiltak: named(kontakt::TILTAK, tiltak),
        kontakt: named(kontakt::SAMLING, kontakt),
        begrunnelse,
        registrert_av: Some(registrert_av.to_proto()),
        registrert: Some(registrert.into()),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}

/// Reads a plan.
fn les(
    request: &PlanleggKontaktRequest,
    person: &str,
    av: Aktor,
    now: Tid,
    bemanning: Bemanning,
    faults: &mut FieldFaults,
) -> Plan {
    let type_ = felt::valg(request.r#type, "type", "samspor.rop.v1.Kontakttype", faults);
    if request.tidspunkt.is_none() {
        faults.missing("tidspunkt");
    }
    let tidspunkt = felt::tidspunkt(request.tidspunkt, "tidspunkt", faults);
    let latest = Dag::av(now).pluss_maneder(LENGST_MANEDER).slutt();
    if tidspunkt.is_some_and(|at| at <= now || at > latest) {
        faults.form("tidspunkt", "et tidspunkt i framtiden og innen ett år");
    }
    let ansatte = kontakt::rules::les_ansatte(&request.ansatte, faults);
    if ansatte.is_empty() {
        faults.missing("ansatte");
    } else if ansatte.len() < 2 && kontakt::rules::utenfor(type_) {
        match bemanning {
            Bemanning::En => {}
            Bemanning::To => faults.contradicts(
                "ansatte",
                "type",
                "gjeldende risikovurdering krever to ansatte; legg til en",
            ),
            Bemanning::ToUtlopt => faults.contradicts(
                "ansatte",
                "type",
                "risikovurderingen er utløpt uten å være erstattet, og to ansatte kreves fortsatt; \
                 legg til en, eller registrer en ny vurdering",
            ),
        }
    }
    Plan {
        tilstand: PlanTilstand::Planlagt,
        type_,
        tidspunkt: tidspunkt.unwrap_or(now),
        ansatte,
        tiltak: les_ref(&request.tiltak, kontakt::TILTAK, person, "tiltak", faults),
        kontakt: String::new(),
        begrunnelse: String::new(),
        registrert_av: av,
        registrert: now,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
    }
}

/// Ends a plan, one way or the other.
fn avslutt(mut plan: Post<Plan>, til: PlanTilstand) -> Result<(Post<Plan>, Virkninger), Refusal> {
    match plan.innhold.tilstand {
        PlanTilstand::Planlagt => {}
        PlanTilstand::Gjennomfort => return Err(Refusal::transition("GJENNOMFORT", &[])),
        _ => return Err(Refusal::transition("AVLYST", &[])),
    }
    plan.innhold.tilstand = til;
    let mut out = Virkninger::new();
    out.slett_frist(FRIST_RAPPORT, &plan.name());
    Ok((plan, out))
}

pub(crate) async fn planlegg(
    tx: &mut Tx,
    request: PlanleggKontaktRequest,
) -> Result<PlanleggKontaktResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let staff = risikovurdering::bemanning(tx, &person).await?;
    let innhold = les(&request, &person, av, tx.now(), staff, &mut faults);
    faults.finish()?;
    oppfolging::rpc::folg(tx, &person).await?;
    let plan = Post::ny(ENHET, person, tx.new_id(), innhold);
    lager::legg_til(tx, &plan).await?;
    frist(tx, &plan);
    Ok(PlanleggKontaktResponse {
        planlagt_kontakt: Some(to_proto(&plan)),
    })
}

pub(crate) async fn avlys(
    tx: &mut Tx,
    request: AvlysKontaktRequest,
) -> Result<AvlysKontaktResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let plan = lager::hent_for_endring::<Plan>(tx, &request.name, faults).await?;
    let (mut plan, out) = avslutt(plan, PlanTilstand::Avlyst)?;
    plan.innhold.begrunnelse = reason;
    lager::lagre(tx, &mut plan).await?;
    out.utfor(tx);
    innboks::rpc::ferdig(tx, &plan.person, Type::PlanlagtKontakt, &plan.name()).await?;
    Ok(AvlysKontaktResponse {
        planlagt_kontakt: Some(to_proto(&plan)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListPlanlagteKontakterRequest,
) -> Result<ListPlanlagteKontakterResponse, Error> {
    let (plans, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListPlanlagteKontakterResponse {
        planlagte_kontakter: plans.iter().map(to_proto).collect(),
        next_page_token,
    })
}

/// A contact was registered for the plan that it names.
pub(crate) async fn gjennomfort(tx: &mut Tx, kontakt: &Kontakt) -> Result<(), Error> {
    let plan: Post<Plan> = lager::hent(tx, &kontakt.person, &kontakt.innhold.planlagt).await?;
    let (mut plan, out) = avslutt(plan, PlanTilstand::Gjennomfort)?;
    plan.innhold.kontakt.clone_from(&kontakt.id);
    lager::lagre(tx, &mut plan).await?;
    out.utfor(tx);
    innboks::rpc::ferdig(tx, &plan.person, Type::PlanlagtKontakt, &plan.name()).await
}

/// The unit follows the person no more.
pub(crate) async fn avslutt_alle(
    tx: &mut Tx,
    person: &str,
    slutt: &oppfolging::Slutt,
) -> Result<(), Error> {
    for plan in lager::apne::<Plan>(tx, person).await? {
        let (mut plan, out) = avslutt(plan, PlanTilstand::Avlyst)?;
        plan.innhold.begrunnelse.clone_from(&slutt.begrunnelse);
        lager::lagre(tx, &mut plan).await?;
        out.utfor(tx);
    }
    Ok(())
}

/// The contact that a plan became was wrong: what came of it is to be told.
pub(crate) async fn gjenapne(tx: &mut Tx, kontakt: &Kontakt) -> Result<(), Error> {
    let mut plan: Post<Plan> = lager::hent(tx, &kontakt.person, &kontakt.innhold.planlagt).await?;
    plan.innhold.tilstand = PlanTilstand::Planlagt;
    plan.innhold.kontakt.clear();
    lager::lagre(tx, &mut plan).await?;
    frist(tx, &plan);
    Ok(())
}

fn frist(tx: &mut Tx, plan: &Post<Plan>) {
    let mut out = Virkninger::new();
    let due = rapport(plan.innhold.tidspunkt);
    out.frist(FRIST_RAPPORT, &plan.emne(), due, None, [plan.enhet.clone()]);
    out.utfor(tx);
}

/// The assessment asks for two from now: the unit hears of what is planned
/// with one.
pub(crate) async fn varsle_alene(tx: &mut Tx, person: &str) -> Result<(), Error> {
    for plan in lager::apne::<Plan>(tx, person).await? {
        if plan.innhold.ansatte.len() < 2 && kontakt::rules::utenfor(plan.innhold.type_) {
            let mut out = Virkninger::new();
            out.hendelse(
                "PlanlagtAleneMotRisikotiltak",
                &plan.emne(),
                [plan.enhet.clone()],
            );
            out.utfor(tx);
        }
    }
    Ok(())
}
