//! Running under callgrind, and reading what it has counted.

use std::{
    collections::HashMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::program::{Program, SERVE};

const FEW: u64 = 1024;
const MANY: u64 = 3072;

/// Why valgrind cannot be run.
pub(crate) struct Missing(pub(crate) String);

/// Of one request.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cost {
    /// Instructions on the thread that serves.
    pub(crate) request: i64,
    /// Instructions on the thread that exports.
    pub(crate) exporter: i64,
    /// Calls to the allocator on the thread that serves.
    pub(crate) allocations: f64,
}

impl Cost {
    pub(crate) fn over(self, base: &Self) -> Self {
        Self {
            request: self.request - base.request,
            exporter: self.exporter - base.exporter,
            allocations: self.allocations - base.allocations,
        }
    }
}

/// What a program's requests cost.
pub(crate) fn measure(program: Program, endpoint: &str) -> Result<Cost, Missing> {
    let [few, many] = [run(program, FEW, endpoint)?, run(program, MANY, endpoint)?];
    let total = |thread| per_request(total(&many, thread) - total(&few, thread));
    let allocations = |threads: &[Thread]| threads.first().map_or(0, |thread| thread.allocations);
    Ok(Cost {
        request: total(0),
        exporter: total(1),
        #[expect(clippy::cast_precision_loss, reason = "far below")]
        allocations: (allocations(&many) - allocations(&few)) as f64 / (MANY - FEW) as f64,
    })
}

/// The instructions a request that each function has spent, with all it calls, on each thread.
pub(crate) fn functions(program: Program, endpoint: &str) -> Result<Vec<HashMap<String, i64>>, Missing> {
    let [few, many] = [run(program, FEW, endpoint)?, run(program, MANY, endpoint)?];
    let nothing = HashMap::new();
    Ok(many
        .iter()
        .enumerate()
        .map(|(n, thread)| {
            let few = few.get(n).map_or(&nothing, |thread| &thread.functions);
            let spent = |(name, many): (&String, &i64)| {
                (name.clone(), per_request(many - few.get(name).unwrap_or(&0)))
            };
            thread.functions.iter().map(spent).collect()
        })
        .collect())
}

fn per_request(instructions: i64) -> i64 {
    instructions / i64::try_from(MANY - FEW).unwrap()
}

fn total(threads: &[Thread], n: usize) -> i64 {
    threads.get(n).map_or(0, |thread| thread.instructions)
}

/// One of the process's threads, in the order of their start: the one that serves, the one that exports.
#[derive(Debug, Default)]
struct Thread {
    instructions: i64,
    allocations: i64,
    functions: HashMap<String, i64>,
}

fn run(program: Program, requests: u64, endpoint: &str) -> Result<Vec<Thread>, Missing> {
    let directory = Directory::new().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--separate-threads=yes", "--quiet"])
        .arg(format!("--callgrind-out-file={}", directory.0.join("out").display()))
        .arg(env::current_exe().unwrap())
        .args([SERVE, program.name, &requests.to_string(), endpoint])
        // A variable of the environment must not change what is measured.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Missing(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} did not end well: {said}", program.name);
    let mut files: Vec<_> = fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Ok(files.iter().filter(|file| file.extension().is_none()).filter_map(|file| read(file)).collect())
}

/// Reads a thread's profile; `None` if it is no thread's.
fn read(file: &Path) -> Option<Thread> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().find(|line| line.starts_with("thread:"))?;
    let mut thread = Thread::default();
    let mut names = HashMap::new();
    let (mut current, mut called) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            current = resolve(&mut names, name);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            called = resolve(&mut names, name);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let calls: i64 = calls.split(' ').next()?.parse().ok()?;
            if is_allocation(&called) && !is_allocation(&current) {
                thread.allocations += calls;
            }
        } else if let Some(total) = line.strip_prefix("totals: ") {
            thread.instructions = total.parse().ok()?;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            // A line's own cost, or after `calls=` that of the call.
            let cost: i64 = line.split(' ').nth(1)?.parse().ok()?;
            *thread.functions.entry(current.clone()).or_default() += cost;
        }
    }
    Some(thread)
}

/// A name is written once, as `(7) name`, and then is `(7)`.
fn resolve(names: &mut HashMap<String, String>, written: &str) -> String {
    match written.split_once(' ') {
        Some((id, name)) => {
            names.insert(id.to_owned(), name.to_owned());
            name.to_owned()
        }
        None => names.get(written).cloned().unwrap_or_default(),
    }
}

fn is_allocation(function: &str) -> bool {
    matches!(function, "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc")
}

/// One of its own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("highlight-budget-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
