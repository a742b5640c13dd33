//! The budget.
//!
//! Of one request of each program, over the baseline that the program has: instructions on the thread that serves and on the one that
//! exports, and allocations on the thread that serves. What gets cheaper by more than the slack should be lowered here.

use benches::Shape;

use crate::{
    callgrind::Cost,
    program::{Program, Setup},
};

/// What a program's request may cost.
pub(crate) struct Limit {
    pub(crate) program: Program,
    most: Cost,
}

pub(crate) const LIMITS: &[Limit] = &[
    limit("bare, no span", Setup::Bare, Shape::Answer, 15_689, 0, 28.0),
    limit("bare", Setup::Bare, Shape::Log, 15_784, 0, 28.0),
    limit("no app", Setup::NoApp, Shape::Answer, 8_748, 0, 14.0),
    limit("headers", Setup::Headers, Shape::Answer, 2_655, 0, 1.0),
    limit("registry", Setup::Registry, Shape::Log, 1_143, 0, 0.0),
    limit("empty layer", Setup::Layer, Shape::Answer, 1_035, 0, 2.0),
    limit("disabled, no span", Setup::Disabled, Shape::Answer, 1_520, 0, 2.0),
    limit("disabled", Setup::Disabled, Shape::Log, 1_530, 0, 2.0),
    limit("sampled out", Setup::SampledOut, Shape::Log, 14_780, 7_093, 11.0),
    limit("sampled out, no child", Setup::SampledOut, Shape::Answer, 9_770, 0, 9.0),
    limit("sampled out, no line", Setup::SampledOut, Shape::Child, 12_493, 0, 9.0),
    limit("sampled out, 10 children", Setup::SampledOut, Shape::Spans(10), 32_411, 0, 21.0),
    limit("span", Setup::Highlight, Shape::Answer, 11_160, 7_974, 10.0),
    limit("span, child", Setup::Highlight, Shape::Child, 15_647, 11_809, 12.1),
    limit("traced", Setup::Highlight, Shape::Log, 17_684, 18_477, 14.1),
    limit("traced, user", Setup::Highlight, Shape::User, 19_252, 22_065, 16.1),
    limit("traced, metric", Setup::Highlight, Shape::Metric, 19_220, 18_580, 15.1),
    limit("1 child", Setup::Highlight, Shape::Spans(1), 15_720, 12_480, 15.1),
    limit("10 children", Setup::Highlight, Shape::Spans(10), 54_294, 57_809, 42.3),
    limit("100 children", Setup::Highlight, Shape::Spans(100), 432_636, 488_832, 314.8),
    limit("1 attribute", Setup::Highlight, Shape::Attributes(1), 14_348, 12_370, 15.1),
    limit("10 attributes", Setup::Highlight, Shape::Attributes(10), 16_524, 15_818, 17.1),
    limit("20 attributes", Setup::Highlight, Shape::Attributes(20), 18_442, 20_268, 18.1),
    limit("100 lines rejected, registry", Setup::Registry, Shape::Rejected(100), 720, 0, 1.0),
    limit("100 lines rejected", Setup::Highlight, Shape::Rejected(100), 1_013, 120, 2.0),
];

const fn limit(
    name: &'static str,
    setup: Setup,
    shape: Shape,
    request: i64,
    exporter: i64,
    allocations: f64,
) -> Limit {
    Limit { program: Program::new(name, setup, shape), most: Cost { request, exporter, allocations } }
}

impl Limit {
    /// A line for each figure that is over it.
    pub(crate) fn exceeded_by(&self, cost: &Cost) -> impl Iterator<Item = String> {
        let name = self.program.name;
        let instructions = [
            ("on the thread that serves", cost.request, self.most.request),
            ("on the exporter's thread", cost.exporter, self.most.exporter),
        ];
        let instructions = instructions
            .into_iter()
            .filter(|(_, cost, most)| *cost > most + slack(*most))
            .map(move |(place, cost, most)| {
                format!(
                    "{name}: {cost} instructions a request {place}; the budget is {most}, and {}",
                    slack(most)
                )
            });
        let (cost, most) = (cost.allocations, self.most.allocations);
        instructions.chain(
            (cost > most + 0.5).then(|| {
                format!("{name}: {cost:.1} allocations a request; the budget is {most:.1}, and 0.5")
            }),
        )
    }
}

/// 5 %; and of a program that does next to nothing, a few instructions.
fn slack(most: i64) -> i64 {
    (most / 20).max(50)
}
