use proptest::prelude::*;

use super::*;

const RUST: &str = concat!(
    "   0: shop::pay::charge\n",
    "             at ./src/pay.rs:12:5\n",
    "   1: shop::main\n",
    "             at ./src/main.rs:4:13\n",
);

fn go(function: &str, file: &str, line: u32, error: &str) -> Frame {
    Frame {
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line: Some(line),
        error: error.to_owned(),
        ..Frame::default()
    }
}

/// The rows of C§6.2 in order: number of frames, and what the first one holds.
#[test]
fn the_table_of_c_6_2() {
    let with_header = format!("stack backtrace:\n{RUST}");
    let json_string = serde_json::to_string("\na\n\tf.rs:1\n").unwrap();
    let table: &[(&str, &str, usize)] = &[
        ("std backtrace with a header", &with_header, 4),
        ("std backtrace, whose first line is taken for the error", RUST, 3),
        ("V8", "Err: no\n    at f (a.js:1:2)\n    at g (b.js:3:4)", 2),
        ("Go", "\nf\n\ta.rs:1\ng\n\tb.rs:2\n", 2),
        ("Go with a non-empty first line", "f\n\ta.rs:1\ng\n\tb.rs:2\n", 2),
        ("Go, a function without a file", "\nf\ng\n\tb.rs:2\n", 1),
        ("one line", "it broke", 0),
        ("empty", "", 0),
        ("null", "null", 0),
        ("JSON array", r#"[{"functionName":"f"}]"#, 0),
        ("JSON string", &json_string, 1),
    ];
    for (what, text, frames) in table {
        assert_eq!(parse(text).len(), *frames, "{what}");
    }
}

#[test]
fn go_shaped_text_comes_out_whole_and_in_order() {
    let frames = parse("\nshop::pay::charge\n\t/src/pay.rs:12\nshop::main\n\t/src/main.rs:4\n");
    let error = "shop::pay::charge";
    assert_eq!(
        frames,
        [go("shop::pay::charge", "/src/pay.rs", 12, error), go("shop::main", "/src/main.rs", 4, error)]
    );
    assert!(!is_source_mapped(&frames));
    assert_eq!(shown(&frames).len(), 2);
}

#[test]
fn a_std_backtrace_is_torn_into_halves_and_loses_its_functions() {
    let frames = parse(&format!("stack backtrace:\n{RUST}"));
    let name_half = Frame {
        line_content: Some("   0: shop::pay::charge".to_owned()),
        error: "stack backtrace:".to_owned(),
        ..Frame::default()
    };
    let place_half = Frame {
        file: Some("./src/pay.rs".to_owned()),
        line: Some(12),
        column: Some(5),
        error: "stack backtrace:".to_owned(),
        ..Frame::default()
    };
    assert_eq!(frames[..2], [name_half, place_half]);
    assert!(is_source_mapped(&frames));
    let shown = shown(&frames);
    assert_eq!(shown.len(), 2, "only the halves with a place survive");
    assert!(shown.iter().all(|frame| frame.function.is_none()));
}

#[test]
fn a_first_line_tears_the_first_frame() {
    let frames = parse("f\n\ta.rs:1\ng\n\tb.rs:2\n");
    assert_eq!(frames[0].function, None);
    assert_eq!(frames[0].error, "f");
    assert_eq!(frames[1], go("g", "b.rs", 2, "f"));
}

#[test]
fn a_function_without_a_file_is_lost() {
    assert_eq!(parse("\nf\ng\n\tb.rs:2\n"), [go("g", "b.rs", 2, "f")]);
}

#[test]
fn a_dot_cuts_the_function_and_arguments_are_removed() {
    let function = |line: &str| parse(&format!("\n{line}\n\ta.rs:1\n"))[0].function.clone();
    for (sent, stored) in [
        ("f::{{vtable.shim}}", "shim}}"),
        ("main.run(0x1, 0x2)", "run"),
        ("<a as b>::c", "<a as b>::c"),
        ("ends.with.", "with."),
        (".begins", ".begins"),
    ] {
        assert_eq!(function(sent).as_deref(), Some(stored));
    }
}

#[test]
fn a_column_stays_in_a_go_frames_file_name() {
    assert_eq!(parse("\nf\n\ta.rs:1:2\n"), [go("f", "a.rs:1", 2, "f")]);
}

#[test]
fn text_with_dot_cs_is_taken_for_dot_net_unless_the_first_line_is_empty() {
    let frames = parse("stack backtrace:\n   0: f\n             at ./src/a.cs.rs:1:2\n");
    assert_eq!(frames[1].function.as_deref(), Some("./src/a.cs.rs:1:2"));
    assert_eq!(frames[1].line, Some(0));
    assert_eq!(parse("\nf\n\ta.cs.rs:1\n"), [go("f", "a.cs.rs", 1, "f")]);
    let real = parse("System.Exception: no\n   at A.B() in C.cs:line 7");
    assert_eq!(real, [go("A.B()", "C.cs", 7, "System.Exception: no")]);
}

#[test]
fn other_languages_are_recognised() {
    let v8 = parse("Err: no\n    at f (a.ts:1:2)\n    at async Promise.all (index 0)");
    assert_eq!(v8[0].function.as_deref(), Some("f"));
    assert_eq!(v8[0].column, Some(2));
    assert_eq!(v8[1].line_content.as_deref(), Some("index 0"));
    let firefox = parse("f@http://a/b.js:1:2");
    assert_eq!(firefox[0].file.as_deref(), Some("http://a/b.js"));
    let python = parse(concat!(
        "Traceback (most recent call last):\n",
        "  File \"a.py\", line 3, in outer\n    inner()\n    ^^^^^\n",
        "  File \"a.py\", line 1, in inner\n    1/0\nZeroDivisionError: no\n",
    ));
    let functions: Vec<_> = python.iter().filter_map(|f| f.function.as_deref()).collect();
    assert_eq!(functions, ["inner", "outer"]);
    assert_eq!(python[0].error, "ZeroDivisionError: no");
    let ruby = parse("no\n\tfrom a.rb:5:in `f'");
    assert_eq!(ruby[0].line, Some(5));
}

#[test]
fn a_go_panic_drops_the_machinery_above_it() {
    let frames = parse("\nmachinery\n\tm.go:1\nruntime.gopanic\n\tpanic.go:9\nmain.f\n\tf.go:2\n");
    assert_eq!(frames, [go("f", "f.go", 2, "main.f")]);
}

#[test]
fn numbers_are_capped_at_31_bits() {
    assert_eq!(parse("\nf\n\ta.rs:99999999999\n")[0].line, Some(2_147_483_647));
}

proptest! {
    #[test]
    fn never_panics(text in "(?s).{0,400}") {
        let frames = parse(&text);
        prop_assert!(shown(&frames).len() <= frames.len());
    }

    /// Lines that look like frames reach deeper than arbitrary text does.
    #[test]
    fn never_panics_on_near_misses(text in "([ \t\n]{0,4}(at |from |File \"|in |@|\\(|\\)|:|\\.js|\\.cs|[0-9é.]|, line )){0,40}") {
        let frames = parse(&text);
        prop_assert!(frames.len() <= text.lines().count());
    }

    #[test]
    fn any_go_shaped_stack_comes_back(
        frames in prop::collection::vec(("[a-zA-Z_<>:]{1,20}", "/[a-z/]{1,20}\\.rs", 1u32..100_000), 1..64),
    ) {
        let text: String = std::iter::once("\n".to_owned())
            .chain(frames.iter().map(|(function, file, line)| format!("{function}\n\t{file}:{line}\n")))
            .collect();
        let parsed = parse(&text);
        prop_assert_eq!(parsed.len(), frames.len());
        for (parsed, (function, file, line)) in parsed.iter().zip(&frames) {
            prop_assert_eq!(parsed.function.as_deref(), Some(function.as_str()));
            prop_assert_eq!(parsed.file.as_deref(), Some(file.as_str()));
            prop_assert_eq!(parsed.line, Some(*line));
        }
    }
}
