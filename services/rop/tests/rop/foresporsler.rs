//! Requests to everything beyond the first contact, sound as they are.

use samspor_chassis::{testing::request_id, tid::Clock as _};
use samspor_proto::{
    bestillerkontor::{Oppdrag, OppdragTilstand},
    felles::Feilgrunn,
    rop::{
        AvlysKontaktRequest, AvsluttAktivitetstilbudRequest, AvsluttHovedforlopRequest,
        AvsluttKontaktplanRequest, AvsluttTiltakRequest, Behandlingsmal,
        BesvarTilbakemeldingRequest, Eksklusjon, EndreNaklasseRequest, Forlop,
        GiTilbakemeldingRequest, Kontaktsteg, Kontakttype, Kontaktutfall, MalTilstand,
        MeldKontaktstegRequest, Naklasse, OppdaterTiltakRequest, OpprettKontaktplanRequest,
        OpprettTiltakRequest, PlanleggKontaktRequest, PubliserStatistikkRequest,
        RegistrerAktivitetstilbudRequest, RegistrerKontaktRequest, RegistrerLavterskelRequest,
        SettHovedforlopRequest, SkrivBehandlingsplanRequest, Tilbakemeldingstype,
        TildelPrimaerkontaktRequest,
    },
};

use super::{
    DAY, P,
    benk::{Benk, Hvem},
    hjemmel, kontakt, oppfolging,
    rettelser::{annuller, slutt},
};

/// Every record of the person, as a request for a page of them.
macro_rules! alle {
    ($request:ident) => {
        $request {
            parent: $crate::P.into(),
            ..Default::default()
        }
    };
}
pub(crate) use alle;

macro_rules! om {
    ($request:ident { $($field:tt)* }) => {
        $request {
            parent: P.into(),
            request_id: request_id(),
            hjemmel: Some(hjemmel()),
            $($field)*
        }
    };
}

pub(crate) fn planlegg(benk: &Benk, ansatte: &[&str]) -> PlanleggKontaktRequest {
    om!(PlanleggKontaktRequest {
        r#type: Kontakttype::Besok.into(),
        tidspunkt: Some(benk.clock.now().plus(DAY).into()),
        ansatte: ansatte.iter().map(|who| (*who).to_owned()).collect(),
        tiltak: String::new(),
    })
}

pub(crate) fn tell(antall: i32, dag: &str) -> RegistrerLavterskelRequest {
    RegistrerLavterskelRequest {
        parent: "enheter/rop".into(),
        request_id: request_id(),
        dag: dag.into(),
        r#type: Kontakttype::DropIn.into(),
        antall,
        ..Default::default()
    }
}

/// `evalueres` in so many days.
pub(crate) fn behandling(benk: &Benk, days: u32, erstatter: &str) -> SkrivBehandlingsplanRequest {
    om!(SkrivBehandlingsplanRequest {
        mal: vec![Behandlingsmal {
            mal: "Sove om natten".into(),
            tiltak: vec!["Samtale hver uke".into()],
            tilstand: MalTilstand::Apent.into(),
        }],
        problem: "Søvn".into(),
        evalueres: dag(benk, days),
        evaluering: if erstatter.is_empty() {
            String::new()
        } else {
            "Sover bedre".into()
        },
        med_personen: true,
        erstatter: erstatter.into(),
    })
}

/// The day in so many days, `YYYY-MM-DD`.
pub(crate) fn dag(benk: &Benk, days: u32) -> String {
    samspor_chassis::domene::Dag::av(benk.clock.now().plus(DAY * days)).to_string()
}

pub(crate) fn forlop(forlop: Forlop, fra: &str) -> SettHovedforlopRequest {
    om!(SettHovedforlopRequest {
        forlop: forlop.into(),
        fra: fra.into(),
        begrunnelse: "Langvarig".into(),
        sen_begrunnelse: "Registrert etter en gjennomgang".into(),
    })
}

pub(crate) fn plan(benk: &Benk, days: &[u32]) -> OpprettKontaktplanRequest {
    let step = |days: &u32| Kontaktsteg {
        hva: "Ring på".into(),
        frist: dag(benk, *days),
        ..Default::default()
    };
    om!(OpprettKontaktplanRequest {
        klasse: Naklasse::IkkeAlvorlig.into(),
        grunnlag: "Åpner ikke".into(),
        steg: days.iter().map(step).collect(),
    })
}

pub(crate) fn meld(name: &str, nadd: bool) -> MeldKontaktstegRequest {
    MeldKontaktstegRequest {
        name: name.into(),
        request_id: request_id(),
        resultat: "Ingen svarte".into(),
        nadd,
        neste: None,
        kontakt: String::new(),
    }
}

pub(crate) fn gi() -> GiTilbakemeldingRequest {
    GiTilbakemeldingRequest {
        parent: P.into(),
        request_id: request_id(),
        r#type: Tilbakemeldingstype::Brukererfaring.into(),
        tekst: "Ble ikke hørt".into(),
        ..Default::default()
    }
}

pub(crate) fn besvar(name: &str) -> BesvarTilbakemeldingRequest {
    BesvarTilbakemeldingRequest {
        name: name.into(),
        request_id: request_id(),
        svar: "Vi skulle ha ringt".into(),
        endring: "Vi ringer samme dag".into(),
    }
}

pub(crate) fn primaer(ansatt: &str) -> TildelPrimaerkontaktRequest {
    om!(TildelPrimaerkontaktRequest {
        ansatt: ansatt.into()
    })
}

pub(crate) fn oppdrag(n: u8) -> String {
    format!("{P}/oppdrag/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b0{n}")
}

/// An oppdrag as bestillerkontor has it, of so many hours.
pub(crate) fn bestilt(benk: &Benk, name: String, min: f64, maks: f64) -> Oppdrag {
    Oppdrag {
        name,
        tilstand: OppdragTilstand::Startet.into(),
        enhet: "enheter/rop".into(),
        min_timer: min,
        maks_timer: maks,
        fra: "2026-09-01".into(),
        tilbudt: Some(benk.clock.now().minus(DAY * 10).into()),
        ..Default::default()
    }
}

pub(crate) fn tiltak(oppdrag: &str) -> OpprettTiltakRequest {
    om!(OpprettTiltakRequest {
        oppdrag: oppdrag.into(),
        beskrivelse: "Oppfølging hjemme".into(),
    })
}

/// A contact under a tiltak, so many days ago.
pub(crate) fn levert(
    benk: &Benk,
    tiltak: &str,
    utfall: Kontaktutfall,
    minutter: i32,
    days: u32,
) -> RegistrerKontaktRequest {
    let mut request = kontakt(utfall);
    request.tiltak = tiltak.into();
    request.minutter = minutter;
    request.tidspunkt = Some(benk.clock.now().minus(DAY * days).into());
    request
}

pub(crate) fn tilbud(ekskluderer: &[Eksklusjon]) -> RegistrerAktivitetstilbudRequest {
    RegistrerAktivitetstilbudRequest {
        parent: "enheter/rop".into(),
        request_id: request_id(),
        navn: "Aktivitetssenter".into(),
        beskrivelse: "Verksted og lunsj".into(),
        ekskluderer: ekskluderer.iter().map(|one| (*one).into()).collect(),
        kilde: "avdelingsleder".into(),
        gjelder_fra: "2026-01-01".into(),
        ..Default::default()
    }
}

pub(crate) fn publiser(maned: &str) -> PubliserStatistikkRequest {
    PubliserStatistikkRequest {
        parent: "enheter/rop".into(),
        request_id: request_id(),
        maned: maned.into(),
    }
}

/// How another is answered that tries every change of this file.
pub(crate) async fn alle_endringer(benk: &Benk, who: &Hvem) -> Vec<Feilgrunn> {
    let none = format!("{P}/x/{}", request_id());
    let mut answers = Vec::new();
    macro_rules! proves {
        ($($request:expr),+ $(,)?) => {$(
            answers.push(benk.kall(who, $request).await.unwrap_err().grunn);
        )+};
    }
    proves!(
        planlegg(benk, &["r1"]),
        AvlysKontaktRequest {
            name: none.clone(),
            request_id: request_id(),
            begrunnelse: "x".into()
        },
        tell(1, "2026-10-01"),
        behandling(benk, 30, ""),
        forlop(Forlop::To, "2026-10-01"),
        AvsluttHovedforlopRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        plan(benk, &[1]),
        meld(&none, true),
        AvsluttKontaktplanRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        EndreNaklasseRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        gi(),
        besvar(&none),
        primaer("t1"),
        tiltak(""),
        OppdaterTiltakRequest {
            name: none.clone(),
            request_id: request_id()
        },
        AvsluttTiltakRequest {
            name: none.clone(),
            request_id: request_id(),
            ..Default::default()
        },
        tilbud(&[]),
        AvsluttAktivitetstilbudRequest {
            name: none.clone(),
            request_id: request_id()
        },
        publiser("2026-09"),
        annuller(&none),
        slutt(&none),
        oppfolging::bekreft(&none),
        oppfolging::avslutt(&none),
    );
    answers
}
