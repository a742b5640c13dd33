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
    limit("headers", Setup::Headers, Shape::Answer, 3_138, 0, 2.0),
    limit("registry", Setup::Registry, Shape::Log, 1_143, 0, 0.0),
    limit("empty layer", Setup::Layer, Shape::Answer, 1_035, 0, 2.0),
    limit("disabled, no span", Setup::Disabled, Shape::Answer, 1_510, 0, 2.0),
    limit("disabled", Setup::Disabled, Shape::Log, 1_505, 0, 2.0),
    limit("sampled out", Setup::SampledOut, Shape::Log, 15_610, 7_300, 12.0),
    limit("sampled out, no child", Setup::SampledOut, Shape::Answer, 10_816, 0, 10.0),
    limit("sampled out, no line", Setup::SampledOut, Shape::Child, 13_131, 0, 10.0),
    limit("sampled out, 10 children", Setup::SampledOut, Shape::Spans(10), 33_363, 0, 22.0),
    limit("span", Setup::Highlight, Shape::Answer, 12_020, 8_292, 11.0),
    limit("span, child", Setup::Highlight, Shape::Child, 16_457, 12_238, 13.1),
    limit("traced", Setup::Highlight, Shape::Log, 18_442, 18_862, 15.1),
    limit("traced, user", Setup::Highlight, Shape::User, 20_225, 22_065, 17.1),
    limit("traced, metric", Setup::Highlight, Shape::Metric, 20_013, 18_842, 16.1),
    limit("1 child", Setup::Highlight, Shape::Spans(1), 16_657, 13_043, 16.1),
    limit("10 children", Setup::Highlight, Shape::Spans(10), 54_858, 59_138, 43.3),
    limit("100 children", Setup::Highlight, Shape::Spans(100), 432_636, 498_066, 315.9),
    limit("1 attribute", Setup::Highlight, Shape::Attributes(1), 15_227, 12_795, 16.1),
    limit("10 attributes", Setup::Highlight, Shape::Attributes(10), 17_400, 16_311, 18.1),
    limit("20 attributes", Setup::Highlight, Shape::Attributes(20), 19_300, 20_671, 19.1),
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
