//! Kontaktplan: the steps towards a person who is hard to reach, in two classes
//! (no serious worry, high risk).
//!
//! Invariants: one open plan per person; the first step that waits has a
//! deadline, which becomes a task, and no step is longer after the one before
//! than its class allows; a plan ends with a contact in which the person was
//! met, or with the oppfølging, and in no other way: after the last step comes
//! another (R10). Who turns
//! out to be in more danger is classed anew, with new steps.

use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, felles::tall, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, AvsluttKontaktplanRequest, AvsluttKontaktplanResponse, EndreNaklasseRequest,
    EndreNaklasseResponse, ListKontaktplanerRequest, ListKontaktplanerResponse,
    MeldKontaktstegRequest, MeldKontaktstegResponse, Naklasse, OpprettKontaktplanRequest,
    OpprettKontaktplanResponse, StegTilstand,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    innboks::{self, Type},
    innstillinger::{Innstillinger, innstillinger},
    kontakt::{self, Kontakt, Utfall, rules::les_ref},
    lager::{self, Post},
    oppfolging, tabell,
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
    /// Id of the contact that ended it; empty: it goes on, or it ended before
    /// this was kept.
    #[serde(default)]
    kontakt: String,
    /// Classes that it had before, oldest first.
    #[serde(default)]
    tidligere: Vec<Klassing>,
}

/// A class that a plan had, until somebody classed the person anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Klassing {
    #[serde(with = "tall")]
    klasse: Naklasse,
    grunnlag: String,
    endret: (Tid, Aktor),
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
        kontakt,
        tidligere,
    } = plan.innhold.clone();
    let before = tidligere.into_iter().map(|one| proto::Naklassing {
        klasse: one.klasse.into(),
        grunnlag: one.grunnlag,
        endret_av: Some(one.endret.1.to_proto()),
        endret: Some(one.endret.0.into()),
    });
    let kontakt = match kontakt.is_empty() {
        true => kontakt,
        false => navn::post(&plan.person, kontakt::SAMLING, &kontakt),
    };
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
        kontakt,
        tidligere: before.collect(),
        skjerming: None,
    }
}

/// Reads a step, due on or after `earliest` and so many working days after it
/// at most. None only where there is a fault.
fn les_steg(
    step: &proto::Kontaktsteg,
    field: &str,
    earliest: Dag,
    arbeidsdager: u16,
    faults: &mut FieldFaults,
) -> Option<Steg> {
    let hva = felt::pakrevd(&step.hva, &format!("{field}.hva"), felt::LANG, faults);
    let name = format!("{field}.frist");
    let frist = felt::pakrevd_dag(&step.frist, &name, faults)?;
    let latest = earliest.pluss_arbeidsdager(arbeidsdager);
    if frist < earliest {
        faults.form(name, format_args!("en dag fra og med {earliest}"));
    } else if frist > latest {
        faults.contradicts(
            name,
            "klasse",
            format_args!("for denne klassen senest {latest}, {arbeidsdager} arbeidsdager etter"),
        );
    }
    Some(Steg {
        hva,
        frist,
        tilstand: StegTilstand::Venter,
        resultat: String::new(),
        utfort: None,
    })
}

/// Reads a class and the steps that it is met with.
fn les_klasse(
    klasse: i32,
    steg: &[proto::Kontaktsteg],
    now: Tid,
    settings: &Innstillinger,
    faults: &mut FieldFaults,
) -> (Naklasse, Vec<Steg>) {
    let klasse = felt::valg(klasse, "klasse", "samspor.rop.v1.Naklasse", faults);
    if steg.is_empty() {
        faults.missing("steg");
    }
    felt::antall(steg.len(), "steg", FLEST, faults);
    let days = settings.kontaktsteg_arbeidsdager(klasse);
    let mut earliest = Dag::av(now);
    let mut read = Vec::new();
    for (place, step) in steg.iter().enumerate() {
        if let Some(step) = les_steg(step, &format!("steg[{place}]"), earliest, days, faults) {
            earliest = step.frist.max(earliest);
            read.push(step);
        }
    }
    (klasse, read)
}

/// Reads a plan.
fn les(
    request: &OpprettKontaktplanRequest,
    av: Aktor,
    now: Tid,
    settings: &Innstillinger,
    faults: &mut FieldFaults,
) -> Plan {
    let (klasse, steg) = les_klasse(request.klasse, &request.steg, now, settings, faults);
    Plan {
        klasse,
        grunnlag: felt::pakrevd(&request.grunnlag, "grunnlag", felt::LANG, faults),
        steg,
        apen: true,
        avslutning: String::new(),
        registrert_av: av,
        registrert: now,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        kontakt: String::new(),
        tidligere: Vec::new(),
    }
}

/// The person is in more danger, or less: other steps from now on.
///
/// # Errors
/// `UGYLDIG_OVERGANG` for an ended plan; a fault where it has that class.
fn klasse_anew(
    mut plan: Plan,
    (klasse, steg): (Naklasse, Vec<Steg>),
    grunnlag: String,
    av: Aktor,
    now: Tid,
) -> Result<Plan, Refusal> {
    krev_apen(&plan)?;
    if klasse == plan.klasse {
        let mut faults = FieldFaults::new();
        faults.contradicts("klasse", "name", "planen har denne klassen");
        faults.finish()?;
    }
    bortfall(&mut plan);
    plan.tidligere.push(Klassing {
        klasse: plan.klasse,
        grunnlag: plan.grunnlag,
        endret: (now, av),
    });
    plan.klasse = klasse;
    plan.grunnlag = grunnlag;
    plan.steg.extend(steg);
    Ok(plan)
}

/// What waits is not done.
fn bortfall(plan: &mut Plan) {
    for step in &mut plan.steg {
        if step.tilstand == StegTilstand::Venter {
            step.tilstand = StegTilstand::Bortfalt;
        }
    }
}

fn krev_apen(plan: &Plan) -> Result<(), Refusal> {
    match plan.apen {
        true => Ok(()),
        false => Err(Refusal::transition("AVSLUTTET", &[])),
    }
}

/// What came of the step that waits: the person was reached and the plan ends,
/// or the next step waits. `kontakt` is the one in which the person was met;
/// empty: not reached.
///
/// # Errors
/// `UGYLDIG_OVERGANG` for an ended plan; a missing `neste` where no step is left.
fn meld(
    mut plan: Plan,
    resultat: String,
    kontakt: &str,
    neste: Option<Steg>,
    av: Aktor,
    now: Tid,
) -> Result<Plan, Refusal> {
    krev_apen(&plan)?;
    let nadd = !kontakt.is_empty();
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
        bortfall(&mut plan);
        plan.apen = false;
        kontakt.clone_into(&mut plan.kontakt);
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
    let plan = les(&request, av, tx.now(), innstillinger()?, &mut faults);
    faults.finish()?;
    oppfolging::rpc::folg(tx, &person).await?;
    let plan = Post::ny(ENHET, person, tx.new_id(), plan);
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
    if request.nadd && request.kontakt.is_empty() {
        faults.missing("kontakt");
    } else if !request.nadd && !request.kontakt.is_empty() {
        faults.contradicts("kontakt", "nadd", "gjelder bare når personen er nådd");
    }
    let kontakt = les_kontakt(&request.name, &request.kontakt, &mut faults);
    let mut plan = lager::hent_for_endring::<Plan>(tx, &request.name, faults).await?;
    krev_apen(&plan.innhold)?;
    let days = innstillinger()?.kontaktsteg_arbeidsdager(plan.innhold.klasse);
    let mut faults = FieldFaults::new();
    let neste = neste.and_then(|step| les_steg(step, "neste", Dag::av(now), days, &mut faults));
    faults.finish()?;
    if !kontakt.is_empty() {
        krev_mott(tx, &plan, &kontakt).await?;
    }
    plan.innhold = meld(plan.innhold, resultat, &kontakt, neste, av, now)?;
    let plan = lagre(tx, plan).await?;
    Ok(MeldKontaktstegResponse {
        kontaktplan: Some(to_proto(&plan)),
    })
}

/// Id of the contact, of the person whom the plan is about.
fn les_kontakt(plan: &str, kontakt: &str, faults: &mut FieldFaults) -> String {
    // What is wrong with the name of the plan is said where it is read.
    let (person, _) = navn::les_post(plan, SAMLING, "name", &mut FieldFaults::new());
    les_ref(kontakt, kontakt::SAMLING, &person, "kontakt", faults)
}

pub(crate) async fn endre_klasse(
    tx: &mut Tx,
    request: EndreNaklasseRequest,
) -> Result<EndreNaklasseResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let (now, settings) = (tx.now(), innstillinger()?);
    let mut faults = FieldFaults::new();
    let read = les_klasse(request.klasse, &request.steg, now, settings, &mut faults);
    let grunnlag = felt::pakrevd(&request.grunnlag, "grunnlag", felt::LANG, &mut faults);
    let mut plan = lager::hent_for_endring::<Plan>(tx, &request.name, faults).await?;
    plan.innhold = klasse_anew(plan.innhold, read, grunnlag, av, now)?;
    let plan = lagre(tx, plan).await?;
    let mut out = Virkninger::new();
    out.hendelse("NaklasseEndret", &plan.emne(), [plan.enhet.clone()]);
    out.utfor(tx);
    Ok(EndreNaklasseResponse {
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
    let id = les_kontakt(&request.name, &request.kontakt, &mut faults);
    let mut plan = lager::hent_for_endring::<Plan>(tx, &request.name, faults).await?;
    krev_apen(&plan.innhold)?;
    krev_mott(tx, &plan, &id).await?;
    plan.innhold.apen = false;
    plan.innhold.avslutning = reason;
    plan.innhold.kontakt = id;
    bortfall(&mut plan.innhold);
    let plan = lagre(tx, plan).await?;
    Ok(AvsluttKontaktplanResponse {
        kontaktplan: Some(to_proto(&plan)),
    })
}

/// Whether the person was met in a contact after the plan began.
fn mott_etter(plan: &Plan, kontakt: &Kontakt) -> bool {
    kontakt.rettelse.is_none()
        && kontakt.utfall == Utfall::Mott
        && kontakt.tidspunkt >= plan.registrert
}

/// The contact that ends a plan.
///
/// # Errors
/// `IKKE_FUNNET`; a fault where the person was not met in it after the plan
/// began.
async fn krev_mott(tx: &mut Tx, plan: &Post<Plan>, id: &str) -> Result<(), Error> {
    let met = kontakt::store::hent(tx, &plan.person, id).await?;
    let mut faults = FieldFaults::new();
    if !mott_etter(&plan.innhold, &met) {
        faults.contradicts(
            "kontakt",
            "name",
            "viser til en kontakt etter at planen ble laget, der personen ble møtt",
        );
    }
    Ok(faults.finish()?)
}

/// The contact that ended the person's latest plan was wrong: the plan goes on,
/// unless what stands for the contact would have ended it too.
pub(crate) async fn rettet(
    tx: &mut Tx,
    person: &str,
    wrong: &str,
    ny: Option<&Kontakt>,
) -> Result<(), Error> {
    let (latest, _) = lager::personens::<Plan>(tx, &navn::person(person), 1, "").await?;
    let ended = |plan: &Post<Plan>| !plan.innhold.apen && plan.innhold.kontakt == wrong;
    let Some(mut plan) = latest.into_iter().find(ended) else {
        return Ok(());
    };
    if let Some(ny) = ny.filter(|ny| mott_etter(&plan.innhold, ny)) {
        plan.innhold.kontakt.clone_from(&ny.id);
        return lager::lagre(tx, &mut plan).await;
    }
    plan.innhold = gjenapne(plan.innhold);
    lager::lagre(tx, &mut plan).await?;
    frist(tx, &plan);
    Ok(())
}

/// The unit follows the person no more: here alone a plan ends without that the
/// person was met.
pub(crate) async fn avslutt_alle(
    tx: &mut Tx,
    person: &str,
    slutt: &oppfolging::Slutt,
) -> Result<(), Error> {
    for mut plan in lager::apne::<Plan>(tx, person).await? {
        plan.innhold.apen = false;
        plan.innhold.avslutning.clone_from(&slutt.begrunnelse);
        bortfall(&mut plan.innhold);
        lagre(tx, plan).await?;
    }
    Ok(())
}

/// An ended plan goes on with the step that had reached the person, or the last
/// that it had left out: one waits, and what comes after is told with it.
fn gjenapne(mut plan: Plan) -> Plan {
    plan.apen = true;
    plan.avslutning.clear();
    plan.kontakt.clear();
    let reached = |step: &Steg| step.tilstand == StegTilstand::Nadd;
    let place = plan.steg.iter().position(reached);
    let left_out = |step: &Steg| step.tilstand == StegTilstand::Bortfalt;
    let place = place.or_else(|| plan.steg.iter().rposition(left_out));
    if let Some(step) = place.and_then(|place| plan.steg.get_mut(place)) {
        step.tilstand = StegTilstand::Venter;
        step.resultat.clear();
        step.utfort = None;
    }
    plan
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
        let plan = les(&request, who(), NOW, innstillinger().unwrap(), &mut faults);
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
    /// Seen red: with days for working days; with only the first step held to
    /// the class.
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
            (HoyRisiko, &["2027-01-20", "2027-01-25"], None),
            (
                HoyRisiko,
                &["2027-01-20", "2099-01-01"],
                Some(("steg[1].frist", Feilgrunn::FeltMotstrid)),
            ),
            (
                IkkeAlvorlig,
                &["2027-02-13"],
                Some(("steg[0].frist", Feilgrunn::FeltMotstrid)),
            ),
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
        let tell = |plan: Plan, kontakt, neste| meld(plan, "x".into(), kontakt, neste, who(), NOW);
        let first = tell(plan.clone(), "", None).unwrap();
        assert_eq!(first.venter().unwrap().frist.to_string(), "2027-02-01");
        let refusal = tell(first.clone(), "", None).unwrap_err();
        assert_eq!(refusal.felt[0].felt, "neste");
        let mut faults = FieldFaults::new();
        let today = Dag::av(NOW);
        let more = les_steg(&step("2027-02-01"), "neste", today, 20, &mut faults);
        let longer = tell(first, "", more).unwrap();
        assert!(longer.apen && longer.venter().is_some());

        let reached = tell(plan, "k", None).unwrap();
        assert!(!reached.apen && reached.venter().is_none());
        assert_eq!(reached.steg[1].tilstand, StegTilstand::Bortfalt);
        let again = tell(reached.clone(), "", None).unwrap_err();
        assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
        let open = gjenapne(reached);
        assert!(open.apen && open.kontakt.is_empty());
        assert_eq!(open.venter(), Some(&open.steg[0]));
    }

    /// Seen red: with the steps of the old class left to wait.
    #[test]
    fn who_is_in_more_danger_is_met_with_other_steps() {
        let plan = read(Naklasse::IkkeAlvorlig, &["2027-02-01"]).unwrap();
        let soon = read(Naklasse::HoyRisiko, &["2027-01-20"]).unwrap().steg;
        let class = |plan: Plan, klasse| {
            klasse_anew(plan, (klasse, soon.clone()), "Truer".into(), who(), NOW)
        };
        let worse = class(plan.clone(), Naklasse::HoyRisiko).unwrap();
        assert_eq!(worse.venter().unwrap().frist.to_string(), "2027-01-20");
        assert_eq!(worse.steg[0].tilstand, StegTilstand::Bortfalt);
        let before = (worse.tidligere[0].klasse, &*worse.tidligere[0].grunnlag);
        assert_eq!(before, (Naklasse::IkkeAlvorlig, "Åpner ikke"));
        let same = class(worse, Naklasse::HoyRisiko).unwrap_err();
        assert_eq!(same.felt[0].felt, "klasse");
        let ended = meld(plan, "x".into(), "k", None, who(), NOW).unwrap();
        let refusal = class(ended, Naklasse::HoyRisiko).unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::UgyldigOvergang);
    }
}
