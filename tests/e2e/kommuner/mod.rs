//! Municipalities, one program: the same scenarios on all of them, and the
//! municipality's file says who decides.

use std::sync::Arc;

use samspor::demo::Klokke;
use samspor_chassis::{domene::Dag, tid::Clock as _};
use samspor_gateway::policy::{Policy, PolicySource};
use samspor_proto::{bestillerkontor::*, felles::Rolle, tilgang::Formal};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::scene::*;

mod alene;
mod bolig;
mod deling;
mod endring;
mod kortvarig;
mod medhold;
mod noden;
mod overlatt;
mod sak;
mod tall;
mod utenfra;

/// Scenarios on municipalities: a test for each.
macro_rules! i_alle_kommuner {
    ($($kommune:ident: $scenarios:tt,)*) => {$(
        mod $kommune {
            i_alle_kommuner!(@ $kommune $scenarios);
        }
    )*};
    (@ $kommune:ident [$($scenario:ident of $module:ident),*]) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $scenario() {
            let kommune = super::Kommune::start(stringify!($kommune)).await;
            Box::pin(super::$module::$scenario(kommune)).await;
        }
    )*};
    ($($kommune:ident),*; $scenarios:tt) => {
        i_alle_kommuner! { $($kommune: $scenarios,)* }
    };
}

// Seen red: without `krev_myndighet`, in Sarpsborg.
i_alle_kommuner! {
    karmoy, sarpsborg, levanger, alesund, kristiansund;
    [
        a_case_from_application_to_end of sak,
        a_person_is_housed_by_who_allocates of bolig,
        the_person_is_mapped_once of sak,
        a_vedtak_is_amended_and_a_unit_switched of endring,
        a_vedtak_is_renewed_after_an_evaluation of endring,
        a_klage_is_carried_into_the_vedtak of medhold,
        what_is_delivered_is_held_against_what_is_granted of tall,
        the_figures_are_of_who_decides of tall,
        a_short_service_is_ordered_by_who_decides_on_it of kortvarig,
        the_glass_is_broken_and_reviewed of noden,
        who_is_hidden_does_not_exist of noden,
        who_is_outside_files_and_reads_nothing of utenfra
    ]
}

/// A case where two units decide, and break-glass.
pub async fn whole_cases() {
    let sarpsborg = Kommune::start("sarpsborg").await;
    Box::pin(sak::a_case_from_application_to_end(sarpsborg)).await;
    let karmoy = Kommune::start("karmoy").await;
    Box::pin(noden::the_glass_is_broken_and_reviewed(karmoy)).await;
}

/// A municipality with a mesh, and a clock that days go by on.
struct Kommune {
    scene: Scene,
    clock: Arc<Klokke>,
    policy: Policy,
}

/// Places of the lines of a case.
const ROP: usize = 0;
const BOM: usize = 1;

/// Units that the lines of a case go to, and what they deliver.
const LINJER: [(&str, Tjenestetype); 2] = [
    ("rop", Tjenestetype::RopOppfolging),
    ("bom", Tjenestetype::Boveiledning),
];

const VEDTAK: &str = "bestillerkontor.v1.VedtakService";
const VENTER: &str = "bestillerkontor.v1.InnboksService/ListVenteposter";

/// `vedtaksmyndighet:boveiledning`.
fn authority(kind: Tjenestetype) -> String {
    let name = kind.as_str_name().trim_start_matches("TJENESTETYPE_");
    format!("vedtaksmyndighet:{}", name.to_lowercase())
}

impl Kommune {
    async fn start(kommune: &str) -> Self {
        let source = PolicySource::embedded(kommune);
        Self::from(source).await
    }

    async fn from(source: PolicySource) -> Self {
        let clock = Arc::new(Klokke::default());
        let policy = Policy::load(&source).unwrap();
        let scene = Scene::on(clock.clone(), |options| {
            options.kommune = source.kommune;
            options.katalog = source.katalog;
        })
        .await;
        Self {
            scene,
            clock,
            policy,
        }
    }

    /// Who decides: each unit with the numbers of its lines, in their order.
    fn deciders(&self) -> Vec<(String, Vec<usize>)> {
        let mut all: Vec<(String, Vec<usize>)> = Vec::new();
        for (place, (_, kind)) in LINJER.into_iter().enumerate() {
            let holders = self.policy.municipality().holders_of(&authority(kind));
            let [unit] = holders.as_slice() else {
                panic!("{kind:?} is decided by {holders:?}");
            };
            match all.iter_mut().find(|(known, _)| known == unit) {
                Some((_, lines)) => lines.push(place),
                None => all.push((unit.clone(), vec![place])),
            }
        }
        all
    }

    /// The day so many days from today.
    fn day(&self, from_now: i32) -> String {
        let today = Dag::av(self.clock.now());
        today.pluss_dager(from_now).to_string()
    }

    /// One vedtak for both services, from today and for half a year.
    fn whole(&self, soknad: &str) -> Vedtak {
        let mut whole = draft_of(soknad, Dag::av(self.clock.now()));
        for line in &mut whole.linjer {
            line.fra = self.day(0);
            line.til = self.day(180);
        }
        whole
    }

    async fn waiting(&self, unit: &str) -> Vec<Ventepost> {
        let desk = self.scene.desk(unit, Rolle::System, Formal::Ytelse).await;
        let request = ListVenteposterRequest {
            parent: format!("enheter/{unit}"),
            ..Default::default()
        };
        let page: ListVenteposterResponse = ok(&desk, VENTER, request).await;
        page.venteposter
    }

    async fn waits_for(&self, unit: &str, kind: Ventetype) -> bool {
        let list = self.waiting(unit).await;
        let its = format!("enheter/{unit}");
        list.iter()
            .any(|post| post.r#type() == kind && post.venter_pa == its)
    }

    /// An application that is decided: each unit's vedtak, its name.
    async fn decided(&self, person: &str) -> Vec<(String, String)> {
        let soknad = self.scene.ready(person).await;
        let deciders = self.deciders();
        let mut drafts = Vec::new();
        // All is handed out before the last decision. The first is handed more
        // than may be its own.
        for (nr, (unit, lines)) in deciders.iter().enumerate() {
            let mut content = self.whole(&soknad);
            if nr > 0 {
                let mut place = 0..;
                content
                    .linjer
                    .retain(|_| lines.contains(&place.next().unwrap()));
            }
            drafts.push(Box::pin(self.drafted(person, unit, content)).await);
        }
        let mut decided = Vec::new();
        for ((unit, lines), draft) in deciders.into_iter().zip(drafts) {
            let vedtak = Box::pin(self.decide(&unit, &lines, draft)).await;
            assert_eq!(vedtak.ansvarlig_enhet, format!("enheter/{unit}"));
            assert_eq!(vedtak.hovedansvarlig, "enheter/rop");
            decided.push((unit, vedtak.name));
        }
        decided
    }

    /// Drafted by bestillerkontor for the unit that decides; the name.
    async fn drafted(&self, person: &str, unit: &str, content: Vedtak) -> String {
        let formal = Formal::Saksbehandling;
        let author = self
            .scene
            .desk("bestillerkontor", Rolle::Saksbehandler, formal)
            .await;
        let request = OpprettVedtakRequest {
            parent: person.to_owned(),
            request_id: request_id(),
            vedtak: Some(Vedtak {
                ansvarlig_enhet: format!("enheter/{unit}"),
                ..content
            }),
        };
        let method = format!("{VEDTAK}/OpprettVedtak");
        let drafted: OpprettVedtakResponse = ok(&author, &method, request).await;
        drafted.vedtak.unwrap().name
    }

    /// Decided by the unit whose draft it is; what is another's to decide is
    /// refused by name, and taken out.
    async fn decide(&self, unit: &str, own: &[usize], name: String) -> Vedtak {
        let formal = Formal::Saksbehandling;
        let caseworker = self.scene.desk(unit, Rolle::Saksbehandler, formal).await;
        let decider = self.scene.desk(unit, Rolle::Beslutter, formal).await;
        // Its version is for the unit whose it is.
        let request = HentVedtakRequest { name, versjon: 0 };
        let method = format!("{VEDTAK}/HentVedtak");
        let found: HentVedtakResponse = ok(&caseworker, &method, request).await;
        let mut draft = found.vedtak.unwrap();
        loop {
            let request = SendTilGodkjenningRequest {
                name: draft.name.clone(),
                request_id: request_id(),
                etag: draft.etag.clone(),
            };
            let method = format!("{VEDTAK}/SendTilGodkjenning");
            let sent: SendTilGodkjenningResponse = ok(&caseworker, &method, request).await;
            let sent = sent.vedtak.unwrap();
            let request = FattVedtakRequest {
                name: sent.name.clone(),
                request_id: request_id(),
                etag: sent.etag.clone(),
            };
            let method = format!("{VEDTAK}/FattVedtak");
            if sent.linjer.len() == own.len() {
                let decided: FattVedtakResponse = ok(&decider, &method, request).await;
                let decided = decided.vedtak;
                return decided.unwrap_or_else(|| panic!("{unit} does not see what it decided"));
            }
            let other = (0..LINJER.len())
                .find(|place| !own.contains(place))
                .unwrap();
            let status = refused::<_, FattVedtakResponse>(&decider, &method, request).await;
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            let details = status.get_details_bad_request();
            let fault = details.unwrap().field_violations.remove(0);
            assert_eq!(fault.field, format!("vedtak.linjer[{other}].type"));
            let named = authority(LINJER[other].1);
            assert!(fault.description.contains(&named), "{}", fault.description);
            let rest = self.without(&caseworker, &decider, &sent.name, own);
            draft = Box::pin(rest).await;
        }
    }

    /// The draft, returned and with the unit's own lines alone.
    async fn without(
        &self,
        caseworker: &samspor::desk::Desk,
        decider: &samspor::desk::Desk,
        name: &str,
        own: &[usize],
    ) -> Vedtak {
        let request = ReturnerVedtakRequest {
            name: name.to_owned(),
            request_id: request_id(),
            begrunnelse: "En annen enhet vedtar den linjen.".to_owned(),
        };
        let method = format!("{VEDTAK}/ReturnerVedtak");
        let returned: ReturnerVedtakResponse = ok(decider, &method, request).await;
        let mut content = returned.vedtak.unwrap();
        let mut place = 0..;
        content
            .linjer
            .retain(|_| own.contains(&place.next().unwrap()));
        let request = OppdaterVedtakRequest {
            name: content.name.clone(),
            request_id: request_id(),
            etag: content.etag.clone(),
            vedtak: Some(content),
        };
        let method = format!("{VEDTAK}/OppdaterVedtak");
        let updated: OppdaterVedtakResponse = ok(caseworker, &method, request).await;
        updated.vedtak.unwrap()
    }

    /// A unit accepts and starts what it is offered. The name of its oppdrag.
    async fn taken_on(&self, unit: &str, person: &str) -> String {
        let list = self.waiting(unit).await;
        let offered = list
            .iter()
            .find(|post| post.r#type() == Ventetype::Svar && post.post.starts_with(person));
        let name = offered
            .unwrap_or_else(|| panic!("{unit}: {list:?}"))
            .post
            .clone();
        let desk = self
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Ytelse)
            .await;
        let request = AksepterOppdragRequest {
            name: name.clone(),
            request_id: request_id(),
            ..Default::default()
        };
        let method = "bestillerkontor.v1.OppdragService/AksepterOppdrag";
        let accepted: AksepterOppdragResponse = ok(&desk, method, request).await;
        let order = accepted.oppdrag.unwrap();
        assert_eq!(order.ansvarlig_enhet, format!("enheter/{unit}"));
        assert!(self.waits_for(unit, Ventetype::Start).await);
        let request = StartOppdragRequest {
            name: name.clone(),
            request_id: request_id(),
            ..Default::default()
        };
        let method = "bestillerkontor.v1.OppdragService/StartOppdrag";
        ok::<_, StartOppdragResponse>(&desk, method, request).await;
        assert!(!self.waits_for(unit, Ventetype::Start).await);
        name
    }

    /// A case that is decided, and that both units deliver.
    async fn case(&self) -> Sak {
        let person = self.scene.person(NUMBERS[0]).await;
        let vedtak = Box::pin(self.decided(&person)).await;
        let mut oppdrag = Vec::new();
        for (unit, _) in LINJER {
            oppdrag.push((unit, Box::pin(self.taken_on(unit, &person)).await));
        }
        Sak {
            person,
            vedtak,
            oppdrag,
        }
    }
}

/// A case at work.
struct Sak {
    person: String,
    /// Unit that decided, and the vedtak.
    vedtak: Vec<(String, String)>,
    /// Unit that delivers, and the oppdrag.
    oppdrag: Vec<(&'static str, String)>,
}

impl Sak {
    /// The vedtak that a line is in, after the unit that decided it.
    fn of(&self, place: usize, deciders: &[(String, Vec<usize>)]) -> &(String, String) {
        let at = deciders
            .iter()
            .position(|(_, lines)| lines.contains(&place));
        &self.vedtak[at.unwrap()]
    }
}
