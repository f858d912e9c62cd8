use futures::FutureExt as _;
use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger},
    error::{Error, Refusal},
    lager::Post,
    params,
    store::Store,
    testing::{Database, START, request_id},
};
use samspor_proto::{
    boligkontor::{self as proto, *},
    felles::{Faktumtype, Hjemmel, Rolle},
    hendelse::Hendelse,
};

use super::{
    Oppsigelse, Periode, Tilstand,
    rules::{self, FellesSaker},
};
use crate::{
    ENHET, behov::opphold, bolig, boligsak, innstillinger::innstillinger, leieforhold, prove::*,
    reservasjon,
};

pub(crate) mod oppsigelse;

samspor_chassis::on_both_databases! {
    the_dwelling_goes_from_the_reservation_to_the_tenancy_and_back,
    the_unit_of_a_stay_hears_of_the_dwelling,
    a_dwelling_is_let_once,
    a_contract_is_long_enough_and_one_for_each_person,
    to_renounce_follow_up_changes_nothing_else,
    the_right_is_unmet_again_when_the_tenancy_ends,
}

fn av() -> Aktor {
    Aktor {
        enhet: ENHET.into(),
        ansatt: "b1".into(),
        rolle: Rolle::Boligforvalter,
    }
}

fn varsel() -> Oppsigelse {
    Oppsigelse {
        grunn: Oppsigelsesgrunn::Boligen,
        begrunnelse: "Huset rives".into(),
        hjemmel: None,
        alternativ: String::new(),
        underretning: "Brev".into(),
        tid: START,
        av: av(),
        siste_dag: Dag::av(START).pluss_dager(200),
        protestfrist: None,
        restansesak: String::new(),
        onske: "«Jeg flytter til søster»".into(),
    }
}

/// One that runs, allocated by rop.
fn lopende() -> super::Leieforhold {
    let today = Dag::av(START);
    super::Leieforhold {
        tilstand: Tilstand::Lopende,
        bolig: "b".into(),
        reservasjon: "r".into(),
        tildelt_av: "rop".into(),
        forste: Periode {
            fra: today,
            til: today.pluss_maneder(36),
            begrunnelse: String::new(),
            tid: START,
            av: av(),
        },
        fornyet: Vec::new(),
        husleie: 1,
        oppfolgere: Vec::new(),
        flere: String::new(),
        fornyes_innen: START,
        oppsigelse: None,
        trukne: Vec::new(),
        oppfolging_avslatt: None,
        avsluttet: None,
        slutt: String::new(),
    }
}

/// Every cell of state and verb is as the table says.
#[test]
fn every_state_and_verb() {
    let settings = innstillinger().unwrap();
    let states: Vec<_> = Tilstand::ALLE.iter().map(|state| state.kode()).collect();
    let verb = |name: &str, state: &'static str| {
        let innhold = super::Leieforhold {
            tilstand: Tilstand::fra_kode(state).unwrap(),
            ..lopende()
        };
        let post = Post::ny(ENHET, "p".into(), "l".into(), innhold);
        let after = match name {
            "ForlengLeieforhold" => {
                rules::forleng(post, None, String::new(), (START, av()), settings)
            }
            "SiOppLeieforhold" => {
                let notice = rules::Varsel {
                    oppsigelse: varsel(),
                    siste_dag: None,
                    saker: FellesSaker::default(),
                };
                rules::si_opp(post, notice, START, settings)
            }
            "TrekkOppsigelse" => {
                let said = ("Enige om å fortsette".into(), String::new());
                rules::trekk_oppsigelse(post, said, (START, av()))
            }
            "MeldFlytting" => {
                rules::meld_flytting(post, varsel(), &FellesSaker::default(), START, settings)
            }
            "AvsluttLeieforhold" => {
                let saker = FellesSaker::default();
                rules::avslutt(post, "Flyttet".into(), &saker, START, settings)
            }
            "MeldOppfolgingAvslatt" => {
                rules::meld_oppfolging_avslatt(post, "Nei".into(), (START, av()))
            }
            "RegistrerRestanse" | "MeldFeilILeieforhold" => {
                rules::krev(&post, name).map(|()| (post, Virkninger::new()))
            }
            _ => Err(Refusal::not_found()),
        };
        after.map(|(post, _)| post.innhold.tilstand.kode())
    };
    hver_celle(
        include_str!("../../tests/data/leieforhold.csv"),
        &states,
        verb,
    );
}

/// State of the dwelling, who has it, and the open cause of standing empty.
async fn boligen(store: &Store) -> (String, Option<String>, Option<String>) {
    let mut tx = store.begin_read(hos(ENHET, "b1")).await.unwrap();
    let sql = "SELECT b.tilstand, k.post, t.arsak FROM bolig b \
               LEFT JOIN belegg k ON k.bolig = b.id \
               LEFT JOIN tomgang t ON t.bolig = b.id AND t.til IS NULL";
    tx.one(sql, params![]).await.unwrap().unwrap()
}

async fn avsluttet(
    store: &Store,
    name: &str,
    etag: &str,
    why: &str,
) -> Result<proto::Leieforhold, Error> {
    let request = AvsluttLeieforholdRequest {
        name: name.into(),
        request_id: request_id(),
        etag: etag.into(),
        begrunnelse: why.into(),
    };
    let ended = kall!(store, hos(ENHET, "b1"), leieforhold::rpc::avslutt, request);
    ended.map(|answer| answer.leieforhold.unwrap())
}

/// From accepted to let, and from moved out to made ready; who has the dwelling
/// is one row all the way. Only temporary housing needs no yes.
///
/// Seen red: with `krev_kontrakt` that takes every RESERVERT, and with
/// `mottakere` without those who follow the tenant up.
async fn the_dwelling_goes_from_the_reservation_to_the_tenancy_and_back(database: Database) {
    let store = lager(&database).await;
    let free = ledig(&store, "A-1", Tildelingstype::KommunalUtleie).await;
    let case = sak(&store, P, Tildelingstype::KommunalUtleie).await;
    let asked = onske(&case, &free.name);
    let rop = || hos("rop", "r1");
    let held = kall!(&store, rop(), reservasjon::rpc::reserver, asked).unwrap();
    let held = held.reservasjon.unwrap();
    let office = || hos(ENHET, "b1");
    let early = kontrakt(&held.name);
    let early = kall!(&store, office(), leieforhold::rpc::innga, early);
    assert_eq!(feil(early), ["FEILGRUNN_UGYLDIG_OVERGANG"]);
    let request = TilbyBoligRequest {
        name: held.name.clone(),
        request_id: request_id(),
        etag: held.etag,
        svarfrist: None,
    };
    kall!(&store, rop(), reservasjon::rpc::tilby, request).unwrap();
    let yes = SvarTilbudRequest {
        name: held.name.clone(),
        request_id: request_id(),
        aksepterer: true,
        onske: String::new(),
    };
    kall!(&store, personen(P), reservasjon::rpc::svar, yes).unwrap();
    let other = kall!(&store, rop(), leieforhold::rpc::innga, kontrakt(&held.name));
    assert_eq!(feil(other), ["FEILGRUNN_IKKE_TILLATT"]);
    let made = kall!(
        &store,
        office(),
        leieforhold::rpc::innga,
        kontrakt(&held.name)
    );
    let made = made.unwrap().reservasjon.unwrap();
    assert_eq!(made.tilstand(), ReservasjonTilstand::Kontrakt);
    let let_to = les(&store, &made.leieforhold).await;
    assert_eq!(
        boligen(&store).await,
        ("UTLEID".to_owned(), Some(let_to.name.clone()), None)
    );
    assert_eq!(
        (let_to.tildelt_av.as_str(), let_to.husleie),
        ("enheter/rop", 8500)
    );
    let twice = kall!(
        &store,
        office(),
        leieforhold::rpc::innga,
        kontrakt(&held.name)
    );
    assert_eq!(feil(twice), ["FEILGRUNN_UGYLDIG_OVERGANG"]);

    let silent = avsluttet(&store, &let_to.name, &let_to.etag, "").await;
    assert_eq!(feil(silent), ["begrunnelse FELT_MANGLER"]);
    let ended = avsluttet(&store, &let_to.name, &let_to.etag, "Flyttet til søster").await;
    assert_eq!(ended.unwrap().tilstand(), LeieforholdTilstand::Avsluttet);
    assert_eq!(
        boligen(&store).await,
        (
            "KLARGJORES".to_owned(),
            None,
            Some("KLARGJORING".to_owned())
        )
    );
    for unit in ["rop", "bom"] {
        let heard = hendelser(&store, unit).await;
        assert!(heard.contains(&"LeieforholdInngatt".to_owned()), "{unit}");
        assert!(heard.contains(&"LeieforholdAvsluttet".to_owned()), "{unit}");
    }
    let temporary = holdt(&store, Q, "B-1", Tildelingstype::Midlertidig).await;
    let mut short = kontrakt(&temporary.name);
    short.til = Dag::av(START).pluss_maneder(3).to_string();
    short.begrunnelse = "Midlertidig botilbud".into();
    kall!(&store, office(), leieforhold::rpc::innga, short).unwrap();
}

/// Who has the person in temporary housing is told of the offer and the contract,
/// and of nothing once the stay has ended; a unit that has no stay is not told.
///
/// Seen red: without `fortell`, and with an `eier` that is not read.
async fn the_unit_of_a_stay_hears_of_the_dwelling(database: Database) {
    let store = lager(&database).await;
    let stay = |who: &str, type_: &str, unit: &str| Hendelse {
        r#type: type_.into(),
        post: format!("{who}/opphold/0192f0a1-7b2c-7d3e-8f40-000000000001"),
        tid: Some(START.into()),
        eier: format!("enheter/{unit}"),
        ..Default::default()
    };
    let hor = async |event: Hendelse| {
        let heard: Result<_, Error> = store
            .write(hos(ENHET, "system"), &request_id(), move |tx| {
                async move { opphold::hor(tx, event).await }.boxed()
            })
            .await;
        heard.unwrap();
    };
    hor(stay(P, "OppholdStartet", "krisesenter")).await;
    hor(stay(Q, "OppholdStartet", "nav")).await;
    hor(stay(Q, "OppholdAvsluttet", "nav")).await;
    for (who, dwelling) in [(P, "A-1"), (Q, "B-1")] {
        let held = holdt(&store, who, dwelling, Tildelingstype::KommunalUtleie).await;
        let office = hos(ENHET, "b1");
        let request = kontrakt(&held.name);
        kall!(&store, office, leieforhold::rpc::innga, request).unwrap();
    }
    let heard = hendelser(&store, "krisesenter").await;
    assert_eq!(
        heard,
        ["BoligTilbudt", "BoligsakTildelt", "LeieforholdInngatt"]
    );
    assert!(hendelser(&store, "nav").await.is_empty());
}

/// The tables refuse the second tenancy of a dwelling, whoever forgets to ask.
///
/// Seen red: without the unique index.
async fn a_dwelling_is_let_once(database: Database) {
    let store = lager(&database).await;
    let let_to = leid(&store, "A-1", Tildelingstype::Hardfor).await;
    let id = let_to.bolig.rsplit('/').next().unwrap().to_owned();
    let dwelling = id.clone();
    let second = store
        .write(hos(ENHET, "b1"), &request_id(), move |tx| {
            futures::FutureExt::boxed(async move {
                tx.execute(
                    "INSERT INTO leieforhold (id, person, versjon, ansvarlig_enhet, tilstand, \
                     nokkel, frist, innhold, fra) \
                     VALUES ('x', 'p', 1, 'boligkontor', 'APEN', $1, 0, '{}', 0)",
                    params![dwelling],
                )
                .await?;
                Ok::<_, Error>(InngaKontraktResponse::default())
            })
        })
        .await;
    assert!(second.unwrap_err().is_unique_violation());
    let taken = store
        .write(hos(ENHET, "b1"), &request_id(), move |tx| {
            futures::FutureExt::boxed(async move {
                bolig::store::gi_videre(tx, &id, "somebody else", "x").await?;
                Ok::<_, Error>(InngaKontraktResponse::default())
            })
        })
        .await;
    assert!(taken.is_err(), "it is not theirs to give");
    assert_eq!(boligen(&store).await.1, Some(let_to.name));
}

/// Three years where nothing else is said, and a reason for less; a second
/// tenancy of a person needs a reason too.
///
/// Seen red: without the question for another tenancy.
async fn a_contract_is_long_enough_and_one_for_each_person(database: Database) {
    let store = lager(&database).await;
    let let_to = leid(&store, "A-1", Tildelingstype::Hardfor).await;
    let until = &let_to.perioder[0].til;
    assert_eq!(until.as_str(), "2029-09-30");
    let held = holdt(&store, P, "A-2", Tildelingstype::Hardfor).await;
    let office = || hos(ENHET, "b1");
    let mut second = kontrakt(&held.name);
    second.til = "2027-03-31".into();
    second.fra = "2026-09-01".into();
    let refused = kall!(&store, office(), leieforhold::rpc::innga, second);
    assert_eq!(
        feil(refused),
        [
            "fra FELT_FORM",
            "flere FELT_MANGLER",
            "begrunnelse FELT_MANGLER"
        ]
    );
    let mut second = kontrakt(&held.name);
    second.til = "2027-03-31".into();
    second.begrunnelse = "Flyttingen tar et halvt år".into();
    second.flere = "Flytter fra den første".into();
    kall!(&store, office(), leieforhold::rpc::innga, second).unwrap();
}

/// The tenancy stands, and who allocated it and who follows the tenant hear
/// (N4).
///
/// Seen red: with `mottakere` without those who follow the tenant up.
async fn to_renounce_follow_up_changes_nothing_else(database: Database) {
    let store = lager(&database).await;
    let let_to = leid(&store, "A-1", Tildelingstype::Hardfor).await;
    let request = MeldOppfolgingAvslattRequest {
        name: let_to.name.clone(),
        request_id: request_id(),
        beskrivelse: "Vil være i fred".into(),
    };
    let told = kall!(
        &store,
        personen(P),
        leieforhold::rpc::meld_oppfolging_avslatt,
        request
    );
    let told = told.unwrap().leieforhold.unwrap();
    assert!(told.oppfolging_avslatt.is_some());
    let as_before = proto::Leieforhold {
        etag: let_to.etag.clone(),
        oppfolging_avslatt: None,
        ..told
    };
    assert_eq!(as_before, let_to);
    assert_eq!(boligen(&store).await.1, Some(let_to.name));
    for unit in ["rop", "bom", ENHET] {
        let heard = hendelser(&store, unit).await;
        assert!(heard.contains(&"OppfolgingAvslatt".to_owned()), "{unit}");
    }
}

/// While it runs, and each of the tenancy alone; the office that lets it is
/// neither.
///
/// Seen red: without the relation of who allocated it.
#[test]
fn who_allocated_it_and_who_follows_the_tenant_up_read_it_while_it_runs() {
    let mut post = Post::ny(ENHET, "p".into(), "l".into(), lopende());
    post.innhold.oppfolgere = vec!["bom".into(), ENHET.into()];
    let settings = innstillinger().unwrap();
    for end in [None, Some(START)] {
        post.innhold.avsluttet = end;
        let facts = super::fakta(&post, settings);
        let of: Vec<(Faktumtype, &str)> = facts
            .iter()
            .filter(|fact| fact.part.as_ref() != facts[0].part.as_ref())
            .map(|fact| {
                assert_eq!(fact.post, post.name());
                assert_eq!(fact.periode.as_ref().unwrap().til, end.map(Into::into));
                (fact.r#type(), fact.id.rsplit("/l/").next().unwrap())
            })
            .collect();
        assert_eq!(
            of,
            [
                (Faktumtype::Tildelingsmyndighet, "tildelt"),
                (Faktumtype::PartIBolig, "oppfolger/bom")
            ]
        );
    }
}

/// A tenancy that came of a case that names a right.
async fn leid_med_rett(store: &Store, nokkel: &str, type_: Tildelingstype) -> proto::Leieforhold {
    let held = holdt(store, P, nokkel, type_).await;
    let name = held.grunnlag.clone();
    let unit = held.ansvarlig_enhet.trim_start_matches("enheter/");
    let read = store.read(hos(unit, "r1"), move |tx| {
        let request = HentBoligsakRequest { name, versjon: 0 };
        futures::FutureExt::boxed(boligsak::rpc::hent(tx, request))
    });
    let case = read.await.unwrap().boligsak.unwrap();
    let soknad = Boligsoknad {
        rett: format!("{P}/vedtak/0192f0a1-7b2c-7d3e-8f40-516273849506"),
        ..case.soknad.unwrap()
    };
    let request = EndreBoligsakRequest {
        name: case.name,
        request_id: request_id(),
        etag: case.etag,
        soknad: Some(soknad),
    };
    kall!(store, hos(unit, "r1"), boligsak::rpc::endre, request).unwrap();
    let mut request = kontrakt(&held.name);
    request.flere = "Bytter bolig".into();
    let made = kall!(store, hos(ENHET, "b1"), leieforhold::rpc::innga, request).unwrap();
    les(store, &made.reservasjon.unwrap().leieforhold).await
}

/// What who gave the right hears of it, oldest first.
async fn om_retten(store: &Store) -> Vec<String> {
    let mut heard = hendelser(store, "bestillerkontor").await;
    heard.retain(|event| event.contains("rett"));
    heard
}

/// Who gave the right hears which type was let by it, and that it is so no more,
/// when no other dwelling meets it; and of one of the other type, that it was
/// exchanged for that.
///
/// Seen red: without `opphort`; with one that does not look for another tenancy;
/// with one that looks for those of its own type alone.
async fn the_right_is_unmet_again_when_the_tenancy_ends(database: Database) {
    use Tildelingstype::{KommunalUtleie, Omsorgsbolig};
    let store = lager(&database).await;
    let out = async |tenancy: proto::Leieforhold| {
        let gone = avsluttet(&store, &tenancy.name, &tenancy.etag, "Flyttet").await;
        gone.unwrap();
    };
    let mut heard = vec!["UtleierettOppfylt"];
    let first = leid_med_rett(&store, "A-1", KommunalUtleie).await;
    assert_eq!(om_retten(&store).await, heard);
    let same = leid_med_rett(&store, "A-2", KommunalUtleie).await;
    heard.push("UtleierettOppfylt");
    out(first).await;
    assert_eq!(
        om_retten(&store).await,
        heard,
        "the second meets it as well"
    );
    let other = leid_med_rett(&store, "O-1", Omsorgsbolig).await;
    out(same).await;
    heard.extend(["OmsorgsboligrettOppfylt", "UtleierettByttetTilOmsorgsbolig"]);
    assert_eq!(om_retten(&store).await, heard);
    let back = leid_med_rett(&store, "A-3", KommunalUtleie).await;
    out(other).await;
    heard.extend(["UtleierettOppfylt", "OmsorgsboligrettByttetTilUtleie"]);
    assert_eq!(om_retten(&store).await, heard);
    out(back).await;
    heard.push("UtleierettOpphort");
    assert_eq!(om_retten(&store).await, heard);
}
