//! Input that nobody would write: it must be refused quickly, without a panic.

use crate::support::test_registry;

const SEED_TEXT: &str = r#"# A comment with { braces
distributor_configs { key: "sim" value { jobsim { pool: "main" do_pollback: true } } }
distributor_configs: < key: 'é"' value: { noop { delay { seconds: -5 nanos: 0x1F } } } >;
distributor_configs: [ { key: "s\x41" value { sampler {
  env { key: "A" value: "1" } env: { key: "B" value: "2" }
  sizes: [1, 2, 3] mode: FAST child { ratio: -1.5e-3 child: [{}, {}] } on: true data: "\377"
  extra { [type.googleapis.com/test.Sampler] { sizes: 1 } }
} } } ]
distributor_configs { key: "default" value { alias { other_config: "sim" } } }
"#;

/// A small generator of pseudo-random numbers (splitmix64): the same run every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from((z ^ (z >> 31)) % limit).unwrap_or(0)
    }
}

fn mutate(text: &str, numbers: &mut Numbers) -> String {
    const PIECES: [&str; 24] = [
        "{",
        "}",
        "<",
        ">",
        "[",
        "]",
        ":",
        ";",
        ",",
        "\"",
        "'",
        "\\",
        "#",
        "\n",
        "-",
        "/",
        "é",
        "\0",
        "key",
        "value",
        "noop",
        "alias { other_config: \"sim\" }",
        "distributor_configs",
        "1e-",
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(characters.len());
        let end = (at + numbers.below(20)).min(characters.len());
        match numbers.below(3) {
            0 => drop(characters.drain(at..end)),
            1 => {
                let piece = PIECES[numbers.below(PIECES.len())];
                characters.splice(at..at, piece.chars());
            }
            _ => {
                let copy: Vec<char> = characters[at..end].to_vec();
                let to = numbers.below(characters.len());
                characters.splice(to..to, copy);
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn the_seed_text_is_good() {
    let file = test_registry().parse("a.cfg", SEED_TEXT, "1");
    assert_eq!(file.problems(), []);
    assert_eq!(
        file.names().collect::<Vec<_>>(),
        ["default", "sA", "sim", "é\""]
    );
}

#[test]
fn mutated_files_never_panic_and_problems_have_legal_places() {
    let registry = test_registry();
    let mut numbers = Numbers(1);
    for _ in 0..1_500 {
        let text = mutate(SEED_TEXT, &mut numbers);
        let file = registry.parse("a.cfg", &text, "1");
        let lines = text.matches('\n').count() + 1;
        for problem in file.problems() {
            assert!((1..=lines).contains(&problem.line), "{problem}\n{text}");
            assert!(!problem.to_string().contains('\0'));
        }
        for name in file.names() {
            let worked = file.resolve(name, "h").is_ok();
            assert!(worked || !file.problems().is_empty(), "{name}\n{text}");
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_never_panics() {
    let registry = test_registry();
    for (end, _) in SEED_TEXT.char_indices() {
        let _ = registry.parse("a.cfg", &SEED_TEXT[..end], "1");
    }
}

#[test]
fn depth_bombs_do_not_overflow_the_stack() {
    let registry = test_registry();
    for opener in ["child {", "child <", "child: [", "[", "{", "a:[{"] {
        let bomb = opener.repeat(500_000);
        let text = format!("distributor_configs {{ key: \"x\" value {{ sampler {{ {bomb}");
        let file = registry.parse("a.cfg", &text, "1");
        assert!(!file.problems().is_empty());
    }
    let deep = format!(
        "distributor_configs {{ key: \"x\" value {{ sampler {{ {}{} }} }} }}\n\
         distributor_configs {{ key: \"y\" value {{ noop {{}} }} }}",
        "child { ".repeat(100),
        "} ".repeat(100),
    );
    let file = registry.parse("a.cfg", &deep, "1");
    assert_eq!(file.problems().len(), 1);
    assert_eq!(
        file.problems()[0].message,
        "nested more than 64 levels deep"
    );
    assert!(file.resolve("y", "h").is_ok());
}

#[test]
fn huge_files_are_refused_and_big_ones_are_read() {
    let registry = test_registry();
    let file = registry.parse("a.cfg", &" ".repeat(5 << 20), "1");
    let expected = "a.cfg: the file has 5242880 bytes; at most 4194304 are read";
    assert_eq!(file.problems()[0].to_string(), expected);

    let good: String = (0..20_000)
        .map(|n| format!("distributor_configs {{ key: \"c{n}\" value {{ noop {{}} }} }} "))
        .collect();
    let file = registry.parse("a.cfg", &good, "1");
    assert_eq!(file.names().len(), 20_000);
    assert_eq!(file.problems(), []);

    for bad in [
        "distributor_configs { key: \"c\" value { noop { x: 1 } } } ",
        "distributor_configs { key: \"c\" value { alias { other_config: \"d\" } } } ",
        "distributor_configs { ",
        "x: 5 ",
        "} ",
        "\" ",
    ] {
        let file = registry.parse("a.cfg", &bad.repeat(20_000), "1");
        assert!((1..=101).contains(&file.problems().len()), "{bad}");
    }
    let fields = "x: 1 ".repeat(50_000);
    let text = format!("distributor_configs {{ key: \"c\" value {{ noop {{ {fields} }} }} }}");
    assert_eq!(registry.parse("a.cfg", &text, "1").problems().len(), 101);
}
