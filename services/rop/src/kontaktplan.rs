//! Kontaktplan: the steps towards a person who is hard to reach, in two classes
//! (no serious worry, high risk).
//!
//! Invariants: one open plan per person; the first step that waits has a
//! deadline, which becomes a task; a plan ends when the person is reached and
//! in no other way: after the last step comes another (R10).

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, AvsluttKontaktplanRequest, AvsluttKontaktplanResponse, ListKontaktplanerRequest,
    ListKontaktplanerResponse, MeldKontaktstegRequest, MeldKontaktstegResponse, Naklasse,
    OpprettKontaktplanRequest, OpprettKontaktplanResponse, StegTilstand,
};
use serde::{Deserialize, Serialize};

use crate::{
    innboks::{self, Type},
    innstillinger::innstillinger,
    kontakt::{self, Utfall, rules::les_ref},
    lager::{self, Post},
    tabell,
};

const SAMLING: &str = "kontaktplaner";
/// Deadline: the first step that waits.
pub(crate) const FRIST_STEG: &str = "kontaktsteg";
/// Most steps at the opening of a plan.
const FLEST: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Steg {
    hva: String,
    frist: Dag,
    #[serde(with = "tall")]
    tilstand: StegTilstand,
    resultat: String,
    utfort: Option<(Tid, Aktor)>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    #[serde(with = "tall")]
    klasse: Naklasse,
    grunnlag: String,
    steg: Vec<Steg>,
    apen: bool,
    avslutning: String,
    registrert_av: Aktor,
    registrert: Tid,
    hjemmel: Hjemmel,
}

impl Plan {
    fn venter(&self) -> Option<&Steg> {
        let mut steps = self.steg.iter();
        steps.find(|step| step.tilstand == StegTilstand::Venter)
    }
}

impl lager::Innhold for Plan {
    const SAMLING: &'static str = SAMLING;
    const SQL: &'static lager::Sql = tabell!("kontaktplan");

    fn apen(&self) -> bool {
        self.apen
    }

    fn nokkel(&self) -> String {
        i32::from(self.klasse).to_string()
    }

    fn frist(&self) -> Option<Tid> {
        self.venter().map(|step| step.frist.slutt())
    }
}

fn to_proto(plan: &Post<Plan>) -> proto::Kontaktplan {
    let Plan {
        klasse,
        grunnlag,
        steg,
        apen,
        avslutning,
        registrert_av,
        registrert,
        hjemmel,
    } = plan.innhold.clone();
    let steps = steg.into_iter().map(|step| proto::Kontaktsteg {
        hva: step.hva,
        frist: step.frist.to_string(),
        tilstand: step.tilstand.into(),
        resultat: step.resultat,
        utfort_av: step.utfort.as_ref().map(|(_, who)| who.to_proto()),
        utfort: step.utfort.map(|(at, _)| at.into()),
    });
    proto::Kontaktplan {
        name: plan.name(),
        etag: plan.etag(),
        ansvarlig_enhet: navn::enhet(&plan.enhet),
        klasse: klasse.into(),
        grunnlag,
        steg: steps.collect(),
        apen,
        avslutning,
        registrert_av: Some(registrert_av.to_proto()),
        registrert: Some(registrert.into()),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}

/// Reads a step, due on or after `earliest`. None only where there is a fault.
fn les_steg(
    step: &proto::Kontaktsteg,
    field: &str,
    earliest: Dag,
    faults: &mut FieldFaults,
) -> Option<Steg> {
    let hva = felt::pakrevd(&step.hva, &format!("{field}.hva"), felt::LANG, faults);
    let name = format!("{field}.frist");
    let frist = felt::pakrevd_dag(&step.frist, &name, faults)?;
    if frist < earliest {
        faults.form(name, format_args!("en dag fra og med {earliest}"));
    }
    Some(Steg {
        hva,
        frist,
        tilstand: StegTilstand::Venter,
        resultat: String::new(),
        utfort: None,
    })
}

/// Reads a plan. `dager`: working days within which the first step towards a
/// person at high risk is due.
fn les(
    request: &OpprettKontaktplanRequest,
    av: Aktor,
    now: Tid,
    dager: u16,
    faults: &mut FieldFaults,
) -> Plan {
    let klasse = felt::valg(request.klasse, "klasse", "samspor.rop.v1.Naklasse", faults);
    if request.steg.is_empty() {
        faults.missing("steg");
    }
    felt::antall(request.steg.len(), "steg", FLEST, faults);
    let mut earliest = Dag::av(now);
    let mut steg = Vec::new();
    for (place, step) in request.steg.iter().enumerate() {
        if let Some(step) = les_steg(step, &format!("steg[{place}]"), earliest, faults) {
            earliest = step.frist.max(earliest);
            steg.push(step);
        }
    }
    let latest = Dag::av(now).pluss_arbeidsdager(dager);
    if klasse == Naklasse::HoyRisiko && steg.first().is_some_and(|first| first.frist > latest) {
        faults.contradicts(
            "steg[0].frist",
            "klasse",
            format_args!("ved høy risiko tas første steg senest {latest}"),
        );
    }
    Plan {
        klasse,
        grunnlag: felt::pakrevd(&request.grunnlag, "grunnlag", felt::LANG, faults),
        steg,
        apen: true,
        avslutning: String::new(),
        registrert_av: av,
        registrert: now,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
    }
}

/// What came of the step that waits: the person was reached and the plan ends,
/// or the next step waits.
///
/// # Errors
/// `UGYLDIG_OVERGANG` for an ended plan; a missing `neste` where no step is left.
fn meld(
    mut plan: Plan,
    resultat: String,
    nadd: bool,
    neste: Option<Steg>,
    av: Aktor,
    now: Tid,
) -> Result<Plan, Refusal> {
    if !plan.apen {
        return Err(Refusal::transition("AVSLUTTET", &[]));
    }
    plan.steg.extend(neste);
    let mut waiting = plan
        .steg
        .iter_mut()
        .filter(|step| step.tilstand == StegTilstand::Venter);
    if let Some(step) = waiting.next() {
        step.tilstand = if nadd {
            StegTilstand::Nadd
        } else {
            StegTilstand::Utfort
        };
        step.resultat = resultat;
        step.utfort = Some((now, av));
    }
    if nadd {
        waiting.for_each(|step| step.tilstand = StegTilstand::Bortfalt);
        plan.apen = false;
        "Personen er nådd.".clone_into(&mut plan.avslutning);
    } else if waiting.next().is_none() {
        let mut faults = FieldFaults::new();
        faults.missing("neste");
        faults.finish()?;
    }
    Ok(plan)
}

/// Stores a change of a plan: its task is done, and the next step has the
/// deadline.
async fn lagre(tx: &mut Tx, mut plan: Post<Plan>) -> Result<Post<Plan>, Error> {
    lager::lagre(tx, &mut plan).await?;
    innboks::rpc::ferdig(tx, &plan.person, Type::Kontaktsteg, &plan.name()).await?;
    frist(tx, &plan);
    Ok(plan)
}

fn frist(tx: &mut Tx, plan: &Post<Plan>) {
    let mut out = Virkninger::new();
    let owner = [plan.enhet.clone()];
    match plan.innhold.venter() {
        // A task on the day, broken when the day has passed.
        Some(step) => out.frist(
            FRIST_STEG,
            &plan.emne(),
            step.frist.slutt(),
            Some(step.frist.start()),
            owner,
        ),
        None => out.slett_frist(FRIST_STEG, &plan.name()),
    }
    out.utfor(tx);
}

pub(crate) async fn opprett(
    tx: &mut Tx,
    request: OpprettKontaktplanRequest,
) -> Result<OpprettKontaktplanResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let days = innstillinger()?.hoy_risiko_arbeidsdager;
    let plan = les(&request, av, tx.now(), days, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let plan = Post::ny(person, tx.new_id(), plan);
    if !lager::sett_inn(tx, &plan).await? {
        return Err(Refusal::conflict("en åpen kontaktplan").into());
    }
    let mut out = Virkninger::new();
    out.hendelse("KontaktplanOpprettet", &plan.emne(), [plan.enhet.clone()]);
    out.utfor(tx);
    frist(tx, &plan);
    Ok(OpprettKontaktplanResponse {
        kontaktplan: Some(to_proto(&plan)),
    })
}

pub(crate) async fn meld_steg(
    tx: &mut Tx,
    request: MeldKontaktstegRequest,
) -> Result<MeldKontaktstegResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let resultat = felt::pakrevd(&request.resultat, "resultat", felt::LANG, &mut faults);
    let neste = request.neste.as_ref();
    if request.nadd && neste.is_some() {
        faults.contradicts("neste", "nadd", "planen er slutt når personen er nådd");
    }
    let neste = neste.and_then(|step| les_steg(step, "neste", Dag::av(now), &mut faults));
    let mut plan = lager::hent_for_endring::<Plan>(tx, &request.name, faults).await?;
    plan.innhold = meld(plan.innhold, resultat, request.nadd, neste, av, now)?;
    let plan = lagre(tx, plan).await?;
    Ok(MeldKontaktstegResponse {
        kontaktplan: Some(to_proto(&plan)),
    })
}

pub(crate) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttKontaktplanRequest,
) -> Result<AvsluttKontaktplanResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    if request.kontakt.is_empty() {
        faults.missing("kontakt");
    }
    let mut name_faults = FieldFaults::new();
    let (person, _) = navn::les_post(&request.name, SAMLING, "name", &mut name_faults);
    let id = les_ref(
        &request.kontakt,
        kontakt::SAMLING,
        &person,
        "kontakt",
        &mut faults,
    );
    let mut plan = lager::hent_for_endring::<Plan>(tx, &request.name, faults).await?;
    if !plan.innhold.apen {
        return Err(Refusal::transition("AVSLUTTET", &[]).into());
    }
    let met = kontakt::store::hent(tx, &person, &id).await?;
    let mut faults = FieldFaults::new();
    if met.utfall != Utfall::Mott || met.tidspunkt < plan.innhold.registrert {
        faults.contradicts(
            "kontakt",
            "name",
            "viser til en kontakt etter at planen ble laget, der personen ble møtt",
        );
    }
    faults.finish()?;
    plan.innhold.apen = false;
    plan.innhold.avslutning = reason;
    for step in &mut plan.innhold.steg {
        if step.tilstand == StegTilstand::Venter {
            step.tilstand = StegTilstand::Bortfalt;
        }
    }
    let plan = lagre(tx, plan).await?;
    Ok(AvsluttKontaktplanResponse {
        kontaktplan: Some(to_proto(&plan)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListKontaktplanerRequest,
) -> Result<ListKontaktplanerResponse, Error> {
    let (plans, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListKontaktplanerResponse {
        kontaktplaner: plans.iter().map(to_proto).collect(),
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use samspor_proto::felles::{Feilgrunn, Hjemmel as HjemmelProto, Rolle};

    use super::*;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn who() -> Aktor {
        Aktor {
            enhet: "rop".into(),
            ansatt: "r1".into(),
            rolle: Rolle::Miljo,
        }
    }

    fn step(frist: &str) -> proto::Kontaktsteg {
        proto::Kontaktsteg {
            hva: "Ring på".into(),
            frist: frist.into(),
            ..Default::default()
        }
    }

    fn read(klasse: Naklasse, days: &[&str]) -> Result<Plan, Vec<(String, Feilgrunn)>> {
        let request = OpprettKontaktplanRequest {
            klasse: klasse.into(),
            grunnlag: "Åpner ikke".into(),
            steg: days.iter().map(|day| step(day)).collect(),
            hjemmel: Some(HjemmelProto {
                lov: "helse- og omsorgstjenesteloven".into(),
                paragraf: "§ 3-1".into(),
            }),
            ..Default::default()
        };
        let mut faults = FieldFaults::new();
        let plan = les(&request, who(), NOW, 3, &mut faults);
        match faults.finish() {
            Ok(()) => Ok(plan),
            Err(refusal) => {
                let faults = refusal.felt.into_iter();
                Err(faults.map(|fault| (fault.felt, fault.grunn)).collect())
            }
        }
    }

    /// Three working days from a Friday end with the Wednesday.
    ///
    /// Seen red: with days for working days.
    #[test]
    fn steps_come_in_order_and_soon_at_high_risk() {
        use Naklasse::{HoyRisiko, IkkeAlvorlig};
        for (klasse, days, fault) in [
            (IkkeAlvorlig, &["2027-02-01"][..], None),
            (IkkeAlvorlig, &[], Some(("steg", Feilgrunn::FeltMangler))),
            (
                IkkeAlvorlig,
                &["2027-01-14"],
                Some(("steg[0].frist", Feilgrunn::FeltForm)),
            ),
            (
                IkkeAlvorlig,
                &["2027-02-01", "2027-01-31"],
                Some(("steg[1].frist", Feilgrunn::FeltForm)),
            ),
            (HoyRisiko, &["2027-01-20", "2027-02-01"], None),
            (
                HoyRisiko,
                &["2027-01-21"],
                Some(("steg[0].frist", Feilgrunn::FeltMotstrid)),
            ),
        ] {
            let expected = fault.map(|(field, reason)| vec![(field.to_owned(), reason)]);
            assert_eq!(read(klasse, days).err(), expected, "{klasse:?} {days:?}");
        }
    }

    /// Seen red: with a plan that ends after its last step.
    #[test]
    fn a_plan_ends_when_the_person_is_reached_and_not_before() {
        let plan = read(Naklasse::IkkeAlvorlig, &["2027-01-20", "2027-02-01"]).unwrap();
        let tell = |plan: Plan, nadd, neste| meld(plan, "x".into(), nadd, neste, who(), NOW);
        let first = tell(plan.clone(), false, None).unwrap();
        assert_eq!(first.venter().unwrap().frist.to_string(), "2027-02-01");
        let refusal = tell(first.clone(), false, None).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "neste");
        let mut faults = FieldFaults::new();
        let more = les_steg(&step("2027-03-01"), "neste", Dag::av(NOW), &mut faults);
        let longer = tell(first, false, more).unwrap();
        assert!(longer.apen && longer.venter().is_some());

        let reached = tell(plan, true, None).unwrap();
        assert!(!reached.apen && reached.venter().is_none());
        assert_eq!(reached.steg[1].tilstand, StegTilstand::Bortfalt);
        let again = tell(reached, false, None).unwrap_err();
        assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    }
}
