use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { bytes: 4096, depth: 32, name_bytes: 64 };

/// What an expression means, written down apart from how it is parsed.
#[derive(Clone, Debug)]
enum Tree {
    Number(f64),
    Stat(usize, bool),
    Negate(Box<Self>),
    Pair(Operator, Box<Self>, Box<Self>),
    Call(Operator, Vec<Self>),
}

const NAMES: [&str; 4] = ["Life", "Minion.TotalDPS", "Spec:LifeInc", "min"];
const OPERATORS: [(&str, Operator); 10] = [
    ("+", Operator::Add),
    ("-", Operator::Subtract),
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
];

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => format!("{number:e}"),
            Self::Stat(name, false) => NAMES[*name].to_owned(),
            Self::Stat(name, true) => format!("base( \"{}\")", NAMES[*name]),
            Self::Negate(inner) => format!("-({})", inner.text()),
            Self::Pair(operator, a, b) => {
                let token = OPERATORS.iter().find(|(_, known)| known == operator).unwrap().0;
                format!("({}){token} ({})", a.text(), b.text())
            }
            Self::Call(operator, inner) => {
                let name = if *operator == Operator::Min { "min" } else { "max" };
                let inner: Vec<_> = inner.iter().map(Self::text).collect();
                format!("{name} ({})", inner.join(","))
            }
        }
    }

    fn value(&self, values: &[(f64, f64); 4]) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Stat(name, of_base) => {
                if *of_base {
                    values[*name].1
                } else {
                    values[*name].0
                }
            }
            Self::Negate(inner) => -inner.value(values),
            Self::Pair(operator, a, b) => operator.apply(a.value(values), b.value(values)),
            Self::Call(operator, inner) => {
                let values: Vec<_> = inner.iter().map(|one| one.value(values)).collect();
                let extreme = if *operator == Operator::Min { f64::min } else { f64::max };
                if values.iter().any(|value| value.is_nan()) {
                    f64::NAN
                } else {
                    values.into_iter().reduce(extreme).unwrap()
                }
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (0.0..1e9_f64).prop_map(Tree::Number),
        (0..NAMES.len(), any::<bool>()).prop_map(|(name, of_base)| Tree::Stat(name, of_base)),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Tree::Negate(Box::new(one))),
            (0..OPERATORS.len(), inner.clone(), inner.clone()).prop_map(|(operator, a, b)| Tree::Pair(
                OPERATORS[operator].1,
                Box::new(a),
                Box::new(b)
            )),
            (any::<bool>(), prop::collection::vec(inner, 1..4))
                .prop_map(|(min, inner)| Tree::Call(if min { Operator::Min } else { Operator::Max }, inner)),
        ]
    })
}

/// Equal, but for the sign of zero, of which `min` and `max` may take either, and for which NaN it is.
#[expect(clippy::float_cmp, reason = "equal is meant")]
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn value(text: &str) -> f64 {
    let expression = Expression::parse(text, BOUNDS).unwrap_or_else(|error| panic!("{text}: {error}"));
    let names = expression.names().to_vec();
    expression.value(|stat| {
        let value = if names[stat.name] == "Life" { 100.0 } else { 7.0 };
        if stat.of_base { value / 2.0 } else { value }
    })
}

#[test]
fn operators_bind_as_everywhere() {
    for (text, expected) in [
        ("1 + 2 * 3", 7.0),
        ("(1+2)*3", 9.0),
        ("10 - 2 - 3", 5.0),
        ("16 / 4 / 2", 2.0),
        ("-2 * -3", 6.0),
        ("--2", 2.0),
        ("2 - -Life", 102.0),
        ("Life - base(Life)", 50.0),
        ("Life >= 100", 1.0),
        ("Life + 1 < 100", 0.0),
        ("min(3, Life, 2) + max(1)", 3.0),
        ("(Life > 1) * (Mana > 1)", 1.0),
        ("1.5e3 + 2E-1", 1500.2),
        ("min + base", 14.0),
        ("\"odd name\" * 2", 14.0),
        (" \t\nLife\r", 100.0),
    ] {
        assert!(same(value(text), expected), "{text}: {}", value(text));
    }
}

#[test]
fn what_is_no_expression_is_refused_where_it_goes_wrong() {
    for (text, at) in [
        ("", 0),
        ("Life +", 6),
        ("Life Mana", 5),
        ("(Life", 5),
        ("Life)", 4),
        ("1 < Life < 3", 10),
        ("sqrt(Life)", 0),
        ("min()", 4),
        ("min(1,)", 6),
        ("base(1)", 5),
        ("base(Life + 1)", 10),
        ("1.", 0),
        ("1e", 0),
        ("1e999", 0),
        (".5", 0),
        ("\"\"", 0),
        ("\"Life", 0),
        ("Life; os.exit()", 4),
        ("Life = 3", 5),
        ("Leben\u{e4}", 5),
        ("\u{2264}", 0),
    ] {
        let error = Expression::parse(text, BOUNDS).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
}

#[test]
fn length_depth_and_names_are_bounded() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(BOUNDS.depth - 1), BOUNDS).is_ok());
    for deep in [nested(BOUNDS.depth), "-".repeat(4000) + "1", "min(".repeat(1000)] {
        assert!(Expression::parse(&deep, BOUNDS).unwrap_err().problem.contains("nested"), "{deep}");
    }
    assert!(Expression::parse(&" ".repeat(BOUNDS.bytes + 1), BOUNDS).is_err());
    assert!(Expression::parse(&"x".repeat(65), BOUNDS).is_err());
    // A long chain is not deep.
    assert!(same(value(&vec!["1"; 2000].join("+")), 2000.0));
}

proptest! {
    #[test]
    fn an_expression_means_what_its_tree_means(
        tree in trees(),
        values in prop::array::uniform4((prop::num::f64::ANY, prop::num::f64::ANY)),
    ) {
        let text = tree.text();
        let bounds = Bounds { bytes: 1 << 20, depth: 64, name_bytes: 64 };
        let expression = Expression::parse(&text, bounds).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let names = expression.names().to_vec();
        let got = expression.value(|stat| {
            let place = NAMES.iter().position(|name| *name == names[stat.name]).unwrap();
            if stat.of_base { values[place].1 } else { values[place].0 }
        });
        let expected = tree.value(&values);
        prop_assert!(same(got, expected), "{}: {} and {}", text, got, expected);
    }

    #[test]
    fn any_text_is_an_expression_or_an_error_within_it(text in "\\PC{0,200}") {
        if let Err(error) = Expression::parse(&text, BOUNDS) {
            prop_assert!(error.at <= text.len());
        }
    }

    #[test]
    fn texts_of_the_right_characters_leave_exactly_one_number(
        text in "([0-9.eE+*/<>=!(),\" -]|Life|min|max|base|@|:){0,60}",
    ) {
        if let Ok(expression) = Expression::parse(&text, BOUNDS) {
            let depth = expression.steps.iter().fold(0_i64, |depth, step| match step {
                Step::Number(_) | Step::Stat(_) => depth + 1,
                Step::Negate => depth,
                Step::Combine(_) => depth - 1,
            });
            prop_assert_eq!(depth, 1, "{}", text);
        }
    }
}
