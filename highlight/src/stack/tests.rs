use proptest::prelude::*;

use super::{frame::is_ours, *};

/// The server's reading of the shape (C§6.2, last rows but one): function, file, line.
fn read(text: &str) -> Vec<(&str, &str, u32)> {
    let pairs = text.strip_prefix('\n').expect("the first line must be empty");
    let lines: Vec<&str> = pairs.lines().collect();
    lines
        .chunks(2)
        .map(|pair| {
            let &[function, place] = pair else {
                panic!("{pair:?} is half a frame");
            };
            assert!(!function.is_empty() && !function.contains(['\t', '.']), "{function:?}");
            let place = place.strip_prefix('\t').expect("a place begins with a tab");
            let (file, line) = place.rsplit_once(':').expect("a place has a line");
            let after_colon = file.rsplit_once(':').map_or("", |(_, after)| after);
            assert!(after_colon.parse::<u32>().is_err(), "{place:?} has a column");
            (function, file, line.parse().expect("a line is a number"))
        })
        .collect()
}

type Sample<'a> = (&'a str, Option<(&'a str, u32)>);

fn frames<'a>(samples: &[Sample<'a>]) -> Vec<Frame<'a>> {
    samples.iter().map(|&(function, place)| Frame { function, place }).collect()
}

fn text_of(samples: &[Sample<'_>], place: Option<&Place>) -> Option<String> {
    let told = told(frames(samples), place);
    (!told.frames.is_empty()).then(|| write(&told.frames, &Paths::default()))
}

fn render(stack: Option<Stack>, place: Option<&Place>) -> Option<Rendered> {
    Renderer::default().render(stack, place, &|_| {})
}

/// This file as the reader knows it.
fn shown_here() -> String {
    format!("/{}", file!().trim_start_matches('/'))
}

fn functions<'a>(samples: &[Sample<'a>], place: Option<&Place>) -> Vec<&'a str> {
    trim(frames(samples), place).iter().map(|frame| frame.function).collect()
}

const STD: Option<(&str, u32)> = Some(("/rustc/59807616e1fa/library/std/src/lib.rs", 9));

const REGISTRY: &str = "/home/u/.cargo/registry/src/index-1/";

#[track_caller]
fn here() -> Place {
    Place::from(Location::caller())
}

#[test]
fn c6_3_a_panic_is_the_programs_own_frames() {
    let poll = format!("{REGISTRY}tokio-1.48.0/src/runtime/blocking/task.rs");
    let panic = [
        ("highlight::panics::hook::{{closure}}", Some(("/registry/highlight/src/panics.rs", 7))),
        ("std::panicking::panic_with_hook", STD),
        (
            "std::sys::backtrace::__rust_end_short_backtrace::<std::panicking::panic_handler::{closure#0}, !>",
            STD,
        ),
        ("__rustc::rust_begin_unwind", STD),
        ("core::option::Option<T>::unwrap", STD),
        ("shop::price::inlined", Some(("/build/shop/src/price.rs", 9))),
        ("shop::orders::place::{{closure}}::h758d38c719f51a64", Some(("/build/shop/src/orders.rs", 42))),
        ("core::ops::function::FnOnce::call_once", STD),
        ("shop::worker{{vtable.shim}}", None),
        (
            "<tokio::runtime::blocking::task::BlockingTask<T> as core::future::future::Future>::poll",
            Some((&poll, 42)),
        ),
        ("std::sys::backtrace::__rust_begin_short_backtrace", None),
        ("start_thread", Some(("./nptl/pthread_create.c", 442))),
    ];
    let expected = "
shop::price::inlined
\t/build/shop/src/price.rs:9
shop::orders::place::{{closure}}
\t/build/shop/src/orders.rs:42
shop::worker{{vtable_shim}}
\t<unknown>:0
";
    let text = text_of(&panic, None).unwrap();
    assert_eq!(text, expected);
    assert_eq!(read(&text).len(), 3);
}

#[test]
fn a_line_that_is_known_beats_names_that_are_not() {
    // What little debug information leaves of a report from an axum handler: inlined functions have no path.
    let place = here();
    let map = format!("{REGISTRY}futures-util-0.3.34/src/future/map.rs");
    let samples = [
        ("into_record", Some(("/elsewhere/error.rs", 235))),
        ("shop::convert", Some(("/build/shop/src/convert.rs", 3))),
        ("shop::fail::{{closure}}", Some((file!(), place.line))),
        ("poll<shop::fail>", Some((&*map, 55))),
        ("http_gateway::serve", Some(("/build/http_gateway/src/lib.rs", 8))),
        ("<axum::handler::IntoServiceFuture<F> as core::future::future::Future>::poll", None),
        ("tokio::runtime::task::raw::poll", None),
    ];
    assert_eq!(functions(&samples, Some(&place)), ["shop::fail::{{closure}}", "http_gateway::serve"]);
}

#[test]
fn a_logged_error_begins_where_it_was_logged() {
    let in_registry = |file: &str| format!("{REGISTRY}{file}");
    let (subscriber, core, tracing) = (
        in_registry("tracing-subscriber-0.3.23/src/filter/layer_filters/mod.rs"),
        in_registry("tracing-core-0.1.36/src/dispatcher.rs"),
        in_registry("tracing-0.1.44/src/macros.rs"),
    );
    let samples = [
        ("<highlight::bridge::event::EventLayer as tracing_subscriber::layer::Layer<S>>::on_event", None),
        ("did_enable<alloc::vec::Vec<u8>>", Some((&*subscriber, 1182))),
        ("std::thread::local::LocalKey<T>::with", STD),
        ("event", Some((&*core, 610))),
        ("{{closure#0}}", Some((&*tracing, 905))),
        ("{{closure#0}}", Some(("/build/shop/src/pay.rs", 35))),
        ("shop::pay", Some(("/build/shop/src/pay.rs", 30))),
    ];
    assert_eq!(functions(&samples, None), ["{{closure#0}}", "shop::pay"]);
}

#[test]
fn without_debug_information_names_decide() {
    let samples = [
        ("std::backtrace::Backtrace::force_capture", None),
        ("highlight::errors::consume_error", None),
        ("anyhow::error::<impl core::convert::From<E> for anyhow::Error>::from", None),
        ("shop::orders::place", None),
        ("<F as axum::handler::Handler<((),),S>>::call::{{closure}}", None),
        ("<&mut dyn tower_service::Service as hyper::service::HttpService>::call", None),
        ("http_gateway::serve", None),
        ("main", None),
        ("__libc_start_call_main", Some(("./csu/../sysdeps/nptl/libc_start_call_main.h", 58))),
        ("_start", None),
    ];
    assert_eq!(functions(&samples, None), ["shop::orders::place", "http_gateway::serve"]);
}

#[test]
fn a_framework_is_not_given_the_programs_line() {
    // The handler was inlined into the framework's function.
    let place = here();
    let samples = [("<F as axum::handler::Handler<((),),S>>::call::{{closure}}", None)];
    let text = text_of(&samples, Some(&place)).unwrap();
    assert_eq!(read(&text), [(UNKNOWN_FUNCTION, &*shown_here(), place.line)]);
    assert_eq!(told(frames(&samples), Some(&place)).function, None);
}

#[test]
fn nothing_but_plumbing_is_better_than_nothing() {
    let only_std = [("std::thread::sleep", None), ("std::rt::lang_start", None)];
    assert_eq!(read(&text_of(&only_std, None).unwrap()).len(), 2);
    let place = here();
    let located = text_of(&only_std, Some(&place)).unwrap();
    assert_eq!(read(&located), [(UNKNOWN_FUNCTION, &*shown_here(), place.line)]);
    assert_eq!(render(None, None), None);
}

#[test]
fn the_place_stands_alone_if_no_stack_was_captured() {
    let place = here();
    let rendered = render(None, Some(&place)).unwrap();
    assert_eq!(read(&rendered.text), [(UNKNOWN_FUNCTION, &*shown_here(), place.line)]);
    assert_eq!(rendered.function, None);
}

#[test]
fn what_an_error_carries_comes_before_what_was_captured_and_is_not_cut() {
    let place = Place { file: "shop/src/orders.rs".into(), line: 42 };
    let printed = "\
   0: anyhow::error::<impl anyhow::Error>::msg
             at /home/u/.cargo/registry/src/index-1/anyhow-1.0.105/src/backtrace.rs:10:14
   1: shop::gateway::charge
             at /build/shop/src/gateway.rs:7:9
   2: shop::orders::place
             at /build/shop/src/orders.rs:42:5
   3: core::ops::function::FnOnce::call_once
             at /rustc/59807616e1fa/library/core/src/ops/function.rs:250:5
";
    let rendered = render(Stack::printed(printed), Some(&place)).unwrap();
    let expected = [
        ("shop::gateway::charge", "/shop/src/gateway.rs", 7),
        ("shop::orders::place", "/shop/src/orders.rs", 42),
    ];
    assert_eq!(read(&rendered.text), expected);

    let nothing_but_plumbing =
        "   0: std::thread::sleep\n             at /rustc/1/library/std/src/a.rs:1:1\n";
    let rendered = render(Stack::printed(nothing_but_plumbing), None).unwrap();
    assert_eq!(read(&rendered.text), [("std::thread::sleep", "std/src/a.rs", 1)]);
    assert!(Stack::printed("   0: no places").is_none());
}

#[test]
fn a_stack_that_is_text_teaches_nothing_that_lasts_and_opens_rust_files_only() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/global.rs");
    let first = std::fs::read_to_string(here).unwrap().lines().next().map(str::to_owned);
    let printed = format!(
        "   0: shop::a\n             at {manifest}:1:1\n   1: shop::b\n             at {here}:1:1\n   \
            2: shop::c\n             at /forged/src/orders.rs:42:1\n"
    );
    let renderer = Renderer::new(Paths::default(), true);
    let place = Place { file: "src/orders.rs".into(), line: 42 };
    let rendered = renderer.render(Stack::printed(&printed), Some(&place), &|_| {}).unwrap();
    let structured: serde_json::Value = serde_json::from_str(&rendered.structured.unwrap()).unwrap();
    let lines: Vec<_> =
        structured.as_array().unwrap().iter().map(|frame| frame["lineContent"].as_str()).collect();
    assert_eq!(lines, [None, first.as_deref(), None]);
    assert_eq!(renderer.paths.compiled("src/main.rs"), "src/main.rs");
}

#[test]
fn the_place_completes_or_precedes_the_innermost_frame() {
    let place = here();
    let frame = |place| Frame { function: "shop::place", place };

    let mut without_place = vec![frame(None)];
    let function = begin_with(&mut without_place, &place);
    assert_eq!(function.as_deref(), Some("shop::place"));
    assert_eq!(without_place[0].place, Some((file!(), place.line)));

    let mut same_file = vec![frame(Some((file!(), 1)))];
    assert_eq!(begin_with(&mut same_file, &place).as_deref(), Some("shop::place"));
    assert_eq!(same_file.len(), 1);

    let mut elsewhere = vec![frame(Some(("/build/other.rs", 1)))];
    assert_eq!(begin_with(&mut elsewhere, &place), None);
    assert_eq!(elsewhere[0].function, UNKNOWN_FUNCTION);
    assert_eq!(elsewhere[1].function, "shop::place");
}

#[test]
fn files_are_compared_from_their_ends() {
    let place = Place { file: "shop/src/a.rs".into(), line: 1 };
    let frame = |file| Frame { function: "f", place: Some((file, 1)) };
    for same in ["/ws/shop/src/a.rs", "src/a.rs", "shop/src/a.rs"] {
        assert!(frame(same).is_in(&place), "{same}");
    }
    for other in ["/ws/shop/src/b.rs", "/ws/workshop/src/a.rs", "a.rs.rs"] {
        assert!(!frame(other).is_in(&place), "{other}");
    }
}

#[test]
fn files_of_this_family_are_known() {
    assert!(is_ours(file!()));
    assert!(is_ours(&format!("/ws/{}", file!().trim_start_matches('/'))) || file!().starts_with('/'));
    assert!(is_ours(&file!().replace("highlight/src", "highlight-tower/src")));
    assert!(!is_ours("/build/shop/src/stack.rs"));
    assert!(!is_ours("src/main.rs"));
}

#[test]
fn c6_3_at_most_64_frames_and_65_536_bytes() {
    let names: Vec<String> = (0..200).map(|n| format!("shop::level{n}")).collect();
    let deep: Vec<_> = names.iter().map(|name| (name.as_str(), Some(("/b/deep.rs", 1)))).collect();
    let text = text_of(&deep, None).unwrap();
    assert_eq!(read(&text).len(), FRAMES_LIMIT);
    assert_eq!(read(&text)[0].0, "shop::level0");

    let (function, file) = (format!("shop::{}", "x".repeat(5_000)), format!("/{}.rs", "d".repeat(5_000)));
    let wide = vec![(function.as_str(), Some((file.as_str(), 1))); 64];
    let text = text_of(&wide, None).unwrap();
    assert!(text.len() <= TEXT_LIMIT);
    assert!(read(&text).len() > 8);
}

#[test]
fn a_real_stack_begins_with_the_function_that_reported() {
    let captured = (Stack::Captured(backtrace::Backtrace::new_unresolved()), here());
    let by_std = (Stack::Std(std::backtrace::Backtrace::force_capture()), here());
    for (stack, place) in [captured, by_std] {
        let rendered = render(Some(stack), Some(&place)).unwrap();
        let frames = read(&rendered.text);
        assert!(frames[0].1.ends_with("stack/tests.rs"), "{frames:?}");
        let name = "a_real_stack_begins_with_the_function_that_reported";
        assert!(frames[0].0.contains(name), "{frames:?}");
        assert!(rendered.function.unwrap().contains(name));
    }
}

proptest! {
    #[test]
    fn any_frames_give_the_shape_or_nothing(
        samples in prop::collection::vec(("\\PC{0,20}", prop::option::of(("[a-z/]{1,12}", any::<u32>()))), 0..6),
    ) {
        let samples: Vec<_> = samples
            .iter()
            .filter(|(function, _)| !function.is_empty())
            .map(|(function, place)| (function.as_str(), place.as_ref().map(|(file, line)| (file.as_str(), *line))))
            .collect();
        if let Some(text) = text_of(&samples, None) {
            read(&text);
        }
    }
}

#[test]
fn a_crate_is_called_by_its_name() {
    for (symbol, name) in [
        ("__rustc[b7974e8690430dd9]::rust_begin_unwind", "__rustc::rust_begin_unwind"),
        (
            "<std[e28c5f3a0b1d2c4e]::backtrace::Backtrace>::create::<core[c1f1a2b3c4d5e6f7]::fmt::Error>",
            "<std::backtrace::Backtrace>::create::<core::fmt::Error>",
        ),
        ("<[u8] as shop::Total>::of", "<[u8] as shop::Total>::of"),
        ("shop::of::<[u8; 4]>", "shop::of::<[u8; 4]>"),
        ("shop[", "shop["),
        ("", ""),
    ] {
        assert_eq!(super::without_crate_hashes(symbol), name);
    }
}
