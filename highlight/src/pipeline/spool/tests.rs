use std::{fs, sync::atomic::Ordering};

use tempfile::TempDir;

use super::*;
use crate::pipeline::segment::{Segment, Signal};

const NOW: SystemTime = UNIX_EPOCH;
const AGE: Duration = Duration::from_secs(60);

fn spool(path: &Path, max_bytes: u64) -> Spool {
    Spool::new(SpoolSettings { path: path.to_owned(), max_bytes, max_age: AGE })
}

fn request(name: &str, items: u64) -> Request {
    let segments = vec![Segment::new(name.as_bytes().to_vec(), items)];
    Request { signal: Signal::Logs, segments, first_tried: None, file: None }
}

fn put(spool: &mut Spool, name: &str, items: u64) {
    assert_eq!(spool.put(&request(name, items), NOW).unwrap(), 0);
}

/// The names of the requests, or what else was found.
fn all(spool: &mut Spool, now: SystemTime) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(oldest) = spool.oldest(now) {
        all.push(match oldest {
            Oldest::Request(mut request) => {
                spool.remove(&request.file.take().unwrap());
                String::from_utf8(request.segments.remove(0).bytes.clone()).unwrap()
            }
            other => format!("{other:?}"),
        });
    }
    all
}

fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    files.sort();
    files
}

#[test]
fn the_oldest_comes_first_and_leaves_no_file() {
    let directory = TempDir::new().unwrap();
    let mut spool = spool(directory.path(), u64::MAX);
    for (name, age) in [("b", 1), ("c", 2), ("a", 0), ("d", 2)] {
        assert_eq!(spool.put(&request(name, 1), NOW + Duration::from_secs(age)).unwrap(), 0);
    }
    assert_eq!(all(&mut spool, NOW), ["a", "b", "c", "d"]);
    drop(spool);
    assert_eq!(files(directory.path(), ""), [""; 0].map(PathBuf::from));
}

#[test]
fn what_is_put_back_is_the_oldest_again_and_is_not_written_anew() {
    let directory = TempDir::new().unwrap();
    let mut spool = spool(directory.path(), u64::MAX);
    put(&mut spool, "a", 1);
    put(&mut spool, "b", 1);
    let before = files(directory.path(), ".batch");
    let Some(Oldest::Request(mut request)) = spool.oldest(NOW) else { panic!("nothing") };
    spool.put_back(request.file.take().unwrap());
    assert_eq!(files(directory.path(), ".batch"), before);
    assert_eq!(all(&mut spool, NOW), ["a", "b"]);
}

#[test]
fn the_oldest_make_room() {
    let directory = TempDir::new().unwrap();
    let mut spool = spool(directory.path(), 2 * BLOCK);
    put(&mut spool, "a", 3);
    put(&mut spool, "b", 5);
    assert_eq!(spool.put(&request("c", 7), NOW).unwrap(), 3);
    assert_eq!(files(directory.path(), ".batch").len(), 2);
    let large = request(&"x".repeat(3 * 4096), 1);
    assert!(spool.put(&large, NOW).is_err(), "does not take the place of all others in vain");
    assert_eq!(all(&mut spool, NOW), ["b", "c"]);
}

#[test]
fn what_is_too_old_expires() {
    let directory = TempDir::new().unwrap();
    let mut spool = spool(directory.path(), u64::MAX);
    put(&mut spool, "old", 3);
    spool.put(&request("new", 1), NOW + AGE).unwrap();
    assert_eq!(all(&mut spool, NOW + AGE + Duration::from_millis(1)), ["Expired(3)", "new"]);
    // A clock that was set back makes nothing old.
    spool.put(&request("later", 1), NOW + AGE * 9).unwrap();
    assert_eq!(all(&mut spool, NOW), ["later"]);
    assert!(files(directory.path(), ".batch").is_empty());
}

#[test]
fn a_damaged_file_costs_what_is_in_it() {
    type Damage = (&'static str, fn(&Path));
    let table: [Damage; 6] = [
        ("truncated", |file| fs::write(file, &fs::read(file).unwrap()[..20]).unwrap()),
        ("emptied", |file| fs::write(file, []).unwrap()),
        ("a bit flipped", |file| {
            let mut bytes = fs::read(file).unwrap();
            bytes[25] ^= 4;
            fs::write(file, bytes).unwrap();
        }),
        ("another file", |file| fs::write(file, "once upon a time").unwrap()),
        ("removed", |file| fs::remove_file(file).unwrap()),
        ("another number of items", |file| {
            fs::write(file, format::encode(&request("b", 4))).unwrap();
        }),
    ];
    for (name, damage) in table {
        let directory = TempDir::new().unwrap();
        let mut spool = spool(directory.path(), u64::MAX);
        for (name, items) in [("a", 1), ("b", 3), ("c", 1)] {
            put(&mut spool, name, items);
        }
        damage(&files(directory.path(), ".batch")[1]);
        assert_eq!(all(&mut spool, NOW), ["a", "Damaged(3)", "c"], "{name}");
        assert!(files(directory.path(), ".batch").is_empty(), "{name}");
    }
}

#[test]
fn who_is_gone_is_inherited_and_who_lives_is_not() {
    let directory = TempDir::new().unwrap();
    let mut gone = spool(directory.path(), u64::MAX);
    let mut alive = spool(directory.path(), u64::MAX);
    put(&mut gone, "a", 3);
    put(&mut alive, "b", 1);
    put(&mut gone, "c", 5);
    let unfinished = files(directory.path(), ".batch")[0].with_extension("batch.tmp");
    fs::write(unfinished, "half a f").unwrap();
    drop(gone);
    fs::write(directory.path().join("notes.txt"), "not ours").unwrap();

    let now = Instant::now();
    let mut heirs = [0; 2].map(|_| spool(directory.path(), u64::MAX));
    assert_eq!(heirs.each_mut().map(|heir| heir.look(now).unwrap().unwrap()), [8, 0], "one of them");
    assert_eq!(all(&mut heirs[0], NOW), ["a", "c"]);
    assert_eq!(all(&mut alive, NOW), ["b"]);
    put(&mut alive, "d", 2);
    drop(alive);
    assert!(heirs[0].look(now + LOOK_EVERY / 2).is_none(), "not at every moment");
    assert_eq!(heirs[0].look(now + LOOK_EVERY).unwrap().unwrap(), 2);
    assert_eq!(all(&mut heirs[0], NOW), ["d"]);
    drop(heirs);
    assert_eq!(files(directory.path(), ""), [directory.path().join("notes.txt")], "nothing else is left");
}

#[test]
fn heirs_that_come_at_once_share_without_a_double() {
    let directory = TempDir::new().unwrap();
    for number in 0..40 {
        let mut gone = spool(directory.path(), u64::MAX);
        put(&mut gone, &format!("{number}"), 1);
    }
    let mut found: Vec<_> = std::thread::scope(|scope| {
        let heir = || {
            let mut heir = spool(directory.path(), u64::MAX);
            heir.look(Instant::now()).unwrap().unwrap();
            all(&mut heir, NOW)
        };
        let heirs: Vec<_> = (0..4).map(|_| scope.spawn(heir)).collect();
        heirs.into_iter().flat_map(|heir| heir.join().unwrap()).collect()
    });
    found.sort_by_key(|name| name.parse::<u32>().unwrap());
    assert_eq!(found, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn an_inheritance_keeps_the_limit() {
    let directory = TempDir::new().unwrap();
    let mut gone = spool(directory.path(), u64::MAX);
    for (name, items) in [("a", 1), ("b", 2), ("c", 4)] {
        put(&mut gone, name, items);
    }
    drop(gone);
    let mut heir = spool(directory.path(), BLOCK);
    assert_eq!(heir.look(Instant::now()).unwrap().unwrap(), 7);
    assert_eq!(heir.make_room(), 3);
    assert_eq!(all(&mut heir, NOW), ["c"]);
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    let directory = TempDir::new().unwrap();
    let mut spool = spool(directory.path(), u64::MAX);
    let full = spool.full_disk();
    full.store(true, Ordering::Relaxed);
    assert_eq!(spool.put(&request("a", 1), NOW).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert!(!spool.takes());
    assert_eq!((spool.len(), files(directory.path(), ".tmp").len()), (0, 0), "no half files");
    full.store(false, Ordering::Relaxed);
    put(&mut spool, "a", 1);
    assert!(spool.takes());
    assert_eq!(all(&mut spool, NOW), ["a"]);
}

#[test]
fn a_directory_that_is_none_is_an_error_until_it_is_one() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("file");
    fs::write(&path, "in the way").unwrap();
    let mut spool = spool(&path.join("spool"), u64::MAX);
    assert!(spool.look(Instant::now()).unwrap().is_err());
    assert!(spool.put(&request("a", 1), NOW).is_err());
    fs::remove_file(&path).unwrap();
    put(&mut spool, "a", 1);
    fs::remove_dir_all(&path).unwrap();
    put(&mut spool, "b", 1);
    assert_eq!(all(&mut spool, NOW), ["Damaged(1)", "b"], "it was made again");
}

#[cfg(unix)]
#[test]
fn files_are_private_and_links_are_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let parent = TempDir::new().unwrap();
    let path = parent.path().join("deep/spool");
    let mut gone = spool(&path, u64::MAX);
    put(&mut gone, "a", 1);
    put(&mut gone, "b", 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for file in files(&path, "") {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(gone);
    let outside = parent.path().join("outside");
    let link = &files(&path, ".batch")[0];
    fs::rename(link, &outside).unwrap();
    symlink(&outside, link).unwrap();
    let mut heir = spool(&path, u64::MAX);
    assert_eq!(heir.look(Instant::now()).unwrap().unwrap(), 1);
    assert_eq!(all(&mut heir, NOW), ["b"]);

    put(&mut heir, "c", 1);
    let link = &files(&path, ".batch")[1];
    fs::remove_file(link).unwrap();
    symlink(&outside, link).unwrap();
    assert_eq!(all(&mut heir, NOW), ["Damaged(1)"]);
    assert!(outside.exists());
}
