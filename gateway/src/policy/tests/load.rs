//! Loading: the embedded files hold, and each fault refuses with one line that
//! names file and line.

use samspor_proto::klassifisering::Metode;

use super::*;
use crate::policy::files::{File, Files};

#[test]
fn the_embedded_files_load() {
    let karmoy = policy("karmoy");
    let sarpsborg = policy("sarpsborg");
    assert_eq!(karmoy.version().len(), 12);
    assert_ne!(karmoy.version(), sarpsborg.version());
    let nav = karmoy.municipality().unit("nav").unwrap();
    assert_eq!(
        nav.funksjoner,
        [
            "tildelingsmyndighet:midlertidig",
            "sosialtjeneste",
            "moter_personen",
            "avviksmottak:bolig/midlertidig_over_tre_maneder"
        ]
    );
    assert_eq!(karmoy.municipality().functions_of("ukjent").len(), 0);
}

/// Five municipalities, one program: who decides on what is theirs to say.
///
/// Seen red: with `vedtaksmyndighet:bolig` of Sarpsborg moved to `rop`.
#[test]
fn who_decides_on_what_is_configuration() {
    let all = "bestillerkontor ".repeat(10);
    let split = "hjemmetjeneste hjemmetjeneste rop rop hjemmetjeneste rop \
                 bestillerkontor bestillerkontor bestillerkontor bestillerkontor";
    for (kommune, navn, expected) in [
        ("karmoy", "Karmøy", all.as_str()),
        ("levanger", "Levanger", &all),
        ("alesund", "Ålesund", &all),
        ("kristiansund", "Kristiansund", &all),
        ("sarpsborg", "Sarpsborg", split),
    ] {
        let policy = policy(kommune);
        let municipality = policy.municipality();
        assert_eq!(municipality.navn, navn);
        let holders = |function: &str| municipality.holders_of(function);
        let types: Vec<String> = core_functions(&policy)
            .filter(|function| function.starts_with("vedtaksmyndighet:"))
            .map(|function| holders(&function).join("+"))
            .collect();
        assert_eq!(types.join(" "), expected.trim(), "{kommune}");
        assert!(holders("fatter_alene").is_empty(), "{kommune}");
        assert!(holders("utforer").contains(&"rop".to_owned()), "{kommune}");
    }
}

fn core_functions(policy: &Policy) -> impl Iterator<Item = String> {
    policy.core.functions.names().map(str::to_owned)
}

/// A copy of the embedded files in a directory, with one text replaced.
fn with(file: &str, from: &str, to: &str) -> Result<Policy, LoadError> {
    let katalog = tempfile::tempdir().unwrap();
    for folder in ["policies", "kommuner"] {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        std::fs::create_dir(katalog.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let mut text = std::fs::read_to_string(entry.path()).unwrap();
            if name == file {
                assert!(text.contains(from), "{file} lacks {from}");
                text = text.replacen(from, to, 1);
            }
            std::fs::write(katalog.path().join(name), text).unwrap();
        }
    }
    Policy::load(&PolicySource {
        kommune: "karmoy".to_owned(),
        katalog: Some(katalog.path().to_owned()),
    })
}

#[test]
fn a_directory_replaces_the_embedded_files() {
    let same = with("policies/roller.toml", "# IPS", "# IPS").unwrap();
    assert_eq!(same.version(), KARMOY.version());
    let other = with("policies/roller.toml", "# IPS", "# ips").unwrap();
    assert_ne!(other.version(), KARMOY.version(), "every byte counts");
}

#[test]
fn a_fault_is_told_with_file_and_line() {
    let cases = [
        (
            "kommuner/karmoy.toml",
            "sosialtjeneste = [\"nav\"]",
            "sosialtjeneste = [\"navv\"]",
            "unknown unit navv for sosialtjeneste; known: aktivitet_og_avlastning",
        ),
        (
            "kommuner/karmoy.toml",
            "\"vedtaksmyndighet:bolig\" = [\"bestillerkontor\"]",
            "\"vedtaksmyndighet:bolig\" = [\"nav\"]",
            "nav holds vedtaksmyndighet:bolig without vedtaksmyndighet",
        ),
        (
            "kommuner/karmoy.toml",
            "\"avviksmottak:bolig\" = [\"boligkontor\"]",
            "\"avviksmottak:bolig\" = [\"boligkontoret\"]",
            "unknown unit boligkontoret for avviksmottak:bolig; known: aktivitet_og_avlastning",
        ),
        (
            "kommuner/karmoy.toml",
            "helseenhet = ",
            "helsenhet = ",
            "unknown key helsenhet; known: vedtaksmyndighet",
        ),
        (
            "kommuner/karmoy.toml",
            "kontroll = [\"personvern\"]",
            "",
            "kontroll is missing: a list of texts",
        ),
        (
            "kommuner/karmoy.toml",
            "etat = \"nav\"",
            "etat = \"naf\"",
            "unknown etat naf; known: eiendom",
        ),
        (
            "policies/formaal.toml",
            "\"JOBBSPESIALIST\", \"SYSTEM\"",
            "\"JOBSPESIALIST\", \"SYSTEM\"",
            "unknown role JOBSPESIALIST; known: SAKSBEHANDLER",
        ),
        (
            "policies/formaal.toml",
            "[STATISTIKK]",
            "[STATISTIK]",
            "unknown purpose STATISTIK; known: YTELSE",
        ),
        (
            "policies/formaal.toml",
            "\"gateway/SKRIV\"",
            "\"gateway/SKRIVE\"",
            "unknown method pattern gateway/SKRIVE",
        ),
        (
            "policies/roller.toml",
            "samtykke = []",
            "samtykke = [\"HELS\"]",
            "unknown class HELS; known: TEKNISK",
        ),
        (
            "policies/roller.toml",
            "[GRANSKER]",
            "[GRANSKERE]",
            "unknown key GRANSKERE",
        ),
        (
            "policies/fakta.toml",
            "\"UTLEIER\"",
            "\"HUSVERT\"",
            "unknown kind of fact HUSVERT; known: SOKER",
        ),
        (
            "policies/3-lese.cedar",
            "Rolle::\"BEHANDLER\"",
            "Rolle::\"LEGE\"",
            "LEGE",
        ),
        (
            "policies/3-lese.cedar",
            "Formal::\"KONTROLL\"",
            "Formal::\"KONTROL\"",
            "KONTROL",
        ),
        (
            "policies/3-lese.cedar",
            "Funksjon::\"helseenhet\"",
            "Funksjon::\"apotek\"",
            "apotek",
        ),
        (
            "policies/3-lese.cedar",
            "context.relasjon",
            "context.relation",
            "relation",
        ),
        ("policies/3-lese.cedar", "permit (", "permitt (", "permitt"),
        (
            "policies/3-lese.cedar",
            "@hjemmel(\"samtykke;",
            "@hjemel(\"samtykke;",
            "unknown annotation @hjemel",
        ),
        (
            "policies/4-gjore.cedar",
            "@id(\"W2\")",
            "@id(\"W1\")",
            "rule W1 is also in policies/4-gjore.cedar:",
        ),
        (
            "policies/2-forbud.cedar",
            "@navngis(\"nei\")",
            "@navngis(\"ja\")",
            "rule F1 may be named but reads context.",
        ),
        (
            "policies/2-forbud.cedar",
            "@navngis(\"nei\")",
            "@navngis(\"kanskje\")",
            "@navngis must be \"ja\" or \"nei\"",
        ),
    ];
    for (file, from, to, fault) in cases {
        let error = with(file, from, to).map(|_| ()).unwrap_err();
        let line = error.to_string();
        assert_eq!(error.file, file, "{line}");
        assert!(line.contains(fault), "{line}\nlacks {fault}");
        assert!(!line.contains('\n'), "{line}");
        assert!(error.line > 0, "{line}");
    }
}

#[test]
fn a_missing_file_or_municipality_is_told() {
    let missing = |kommune: &str| Policy::load(&PolicySource::embedded(kommune)).map(|_| ());
    assert_eq!(
        missing("oslo").unwrap_err().to_string(),
        "kommuner/oslo.toml: missing; there are alesund, karmoy, kristiansund, levanger, sarpsborg"
    );
    let nowhere = Policy::load(&PolicySource {
        kommune: "karmoy".to_owned(),
        katalog: Some("/nowhere/at/all".into()),
    });
    let fault = nowhere.map(|_| ()).unwrap_err().to_string();
    assert!(fault.starts_with("/nowhere/at/all/policies: "), "{fault}");
}

/// A new rule file that is not in the list would be silently left out.
#[test]
fn every_file_is_embedded() {
    let mut on_disk = Vec::new();
    for folder in ["policies", "kommuner"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                let name = path.file_name().unwrap().to_string_lossy();
                on_disk.push(format!("{folder}/{name}"));
            }
        }
    }
    for file in &on_disk {
        assert!(
            files::EMBEDDED.iter().any(|(name, _)| name == file),
            "{file}"
        );
    }
}

#[test]
fn purposes_are_bound_to_method_and_role() {
    let policy = &*KARMOY;
    let method = |path: &str| -> &Metode { &kontrakter().metoder[path] };
    let read = method("/samspor.bestillerkontor.v1.VedtakService/HentVedtak");
    assert_eq!(
        policy.check_purpose(read, Rolle::Miljo, Formal::Ytelse),
        Ok(())
    );
    assert_eq!(
        policy.check_purpose(read, Rolle::Behandler, Formal::Nodhjelp),
        Ok(())
    );
    assert_eq!(
        policy.check_purpose(read, Rolle::Miljo, Formal::Unspecified),
        Err(PurposeRefusal::Missing {
            gyldige: vec![Formal::Ytelse, Formal::Samordning, Formal::Nodhjelp]
        })
    );
    assert_eq!(
        policy.check_purpose(read, Rolle::Innbygger, Formal::Ytelse),
        Err(PurposeRefusal::NotOpen {
            gyldige: vec![Formal::Innsyn]
        })
    );
    assert_eq!(
        policy.check_purpose(read, Rolle::System, Formal::Ytelse),
        Err(PurposeRefusal::NotOpen { gyldige: vec![] }),
        "the contract does not open it to SYSTEM"
    );
    assert!(policy.case_required(Formal::Gransking));
    assert!(!policy.case_required(Formal::Ytelse));
}

/// A request looks only at the rules whose scope lets it in; the others change
/// nothing.
#[test]
fn a_slice_of_the_rules_decides_as_all_of_them() {
    let core = &KARMOY.core;
    let functions = core.municipality.functions_of("rop").to_vec();
    for rolle in vocabulary::alle_roller() {
        for action in ROWS.into_iter().chain([vocabulary::READ]) {
            for r#type in ["vedtak", "nodtilgang", "person"] {
                let mut world = matrix::world(rolle, action, Formal::Ytelse, r#type);
                world.funksjoner.clone_from(&functions);
                let every_rule = Some(&core.rules.policies);
                let all = core.judge_by(every_rule, &world, Klasser::alle()).unwrap();
                let sliced = core.judge(&world, Klasser::alle()).unwrap();
                assert_eq!(all.classes, sliced.classes, "{world:?}");
                assert_eq!(
                    Trail::told(&core.rules, &all.permits),
                    Trail::told(&core.rules, &sliced.permits)
                );
                assert_eq!(
                    Trail::told(&core.rules, &all.forbids),
                    Trail::told(&core.rules, &sliced.forbids)
                );
            }
        }
    }
}

#[test]
fn a_file_of_rules_begins_with_an_id() {
    let file = File {
        name: "policies/x.cedar".to_owned(),
        text: "// A comment.\n\npermit (principal, action, resource);\n".to_owned(),
    };
    let fault = Rules::read(&[file], &Functions::read(&functions_file()).unwrap())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(fault.line, 3);
}

fn functions_file() -> File {
    Files::read(&PolicySource::embedded("karmoy"))
        .unwrap()
        .funksjoner
}
