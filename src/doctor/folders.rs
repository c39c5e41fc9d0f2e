//! The folders that runs and servers write to. They are looked at and left as they are.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use walkdir::WalkDir;

use crate::common::files;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::Config;
use crate::exposures::files::LOG_NAME;

/// What a run needs of the disk beside the warehouse at most, in bytes.
const ROOM: u64 = 1 << 30;

/// The folder itself, or the nearest one above it that there is.
fn nearest(dir: &Path) -> &Path {
    let there = dir.ancestors().find(|dir| dir.exists());
    there.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the next run has room: it works on a copy, and spills beside it.
pub fn disk(config: &Config) -> Finding {
    let free = match files::free_bytes(nearest(&config.data_dir)) {
        Ok(free) => free,
        Err(error) => return Finding::new(Verdict::Odd, "disk", format!("{error:#}")),
    };
    let warehouse = fs::metadata(config.warehouse_path()).map_or(0, |m| m.len());
    let (least, good) = (warehouse * 2, warehouse * 3 + ROOM);
    let dir = config.data_dir.display();
    let (free_gb, warehouse_gb) = (free as f64 / 1e9, warehouse as f64 / 1e9);
    let text = t!(
        "{free_gb:.1} GB free in DATA_DIR ({dir}); the warehouse is {warehouse_gb:.2} GB",
        "DATA_DIR（{dir}）剩余 {free_gb:.1} GB；数据仓库 {warehouse_gb:.2} GB"
    );
    if free >= good {
        return Finding::new(Verdict::Fine, "disk", text);
    }
    let text = t!(
        "{text}; a run works on a copy and may need {:.1} GB: make room, or move DATA_DIR",
        "{text}；运行在副本上进行，可能需要 {:.1} GB：请腾出空间，或移动 DATA_DIR",
        good as f64 / 1e9
    );
    Finding::new(if free < least { Verdict::Broken } else { Verdict::Odd }, "disk", text)
}

/// Whether a folder, which a setting names, can be written, with all that is in it.
pub fn writable(what: &str, setting: &str, dir: &Path) -> Finding {
    let above = nearest(dir);
    if !above.is_dir() {
        let text =
            t!("{} is no folder; name another with {setting}", "{} 不是目录；请用 {setting} 另指一个", above.display());
        return Finding::new(Verdict::Broken, what, text);
    }
    if !dir.exists() {
        return match denied(above, Access::WRITE_OK | Access::EXEC_OK) {
            None => Finding::new(
                Verdict::Fine,
                what,
                t!("{} is not there yet; a run makes it", "{} 还不存在；运行时会创建", dir.display()),
            ),
            Some(error) => Finding::new(Verdict::Broken, what, cure(setting, dir, above, error)),
        };
    }
    match closed(dir) {
        None => Finding::new(Verdict::Fine, what, t!("{} can be written", "{} 可写", dir.display())),
        Some((path, error)) => Finding::new(Verdict::Broken, what, cure(setting, dir, &path, error)),
    }
}

/// Whether a server can write the exposure log; nothing where it can.
pub fn exposure_log(config: &Config) -> Option<Finding> {
    let path = config.evaluation_dir().join(LOG_NAME);
    path.is_dir().then(|| {
        let text = t!(
            "{} is a folder, and a server writes a file of that name: rename or remove the folder",
            "{} 是文件夹，而服务要写同名的文件：请改名或移走该文件夹",
            path.display()
        );
        Finding::new(Verdict::Broken, "exposure log", text)
    })
}

fn denied(path: &Path, rights: Access) -> Option<Errno> {
    access(path, rights).err()
}

/// What is below a folder, itself included, and cannot be used as it must be: folders are written in, logs and locks are
/// written on, all else is read, and replaced as a whole.
fn closed(dir: &Path) -> Option<(PathBuf, Errno)> {
    for entry in WalkDir::new(dir).max_depth(4).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some((error.path().unwrap_or(dir).to_owned(), Errno::ACCESS)),
        };
        let is_written_on = entry.path().extension().is_some_and(|e| e == "jsonl" || e == "lock");
        let rights = match (entry.file_type().is_dir(), is_written_on) {
            (true, _) => Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
            (false, true) => Access::READ_OK | Access::WRITE_OK,
            (false, false) => Access::READ_OK,
        };
        if !entry.path_is_symlink()
            && let Some(error) = denied(entry.path(), rights)
        {
            return Some((entry.path().to_owned(), error));
        }
    }
    None
}

/// What to do where `path`, in `dir` or above it, is closed to this user.
fn cure(setting: &str, dir: &Path, path: &Path, error: Errno) -> String {
    let (dir, path) = (dir.display(), path.display());
    if error == Errno::ROFS {
        return t!(
            "{path} is on a file system that can only be read; name another folder with {setting}",
            "{path} 位于只读文件系统；请用 {setting} 另指一个目录"
        );
    }
    let user = rustix::process::geteuid().as_raw();
    t!(
        "{path} is closed to this user ({user}): sudo mkdir -p {dir} && sudo chown -R {user} {dir}",
        "该用户（{user}）无权使用 {path}：sudo mkdir -p {dir} && sudo chown -R {user} {dir}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_looked_at_and_not_made() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path().join("a/b");
        assert_eq!(writable("data", "DATA_DIR", &dir).verdict, Verdict::Fine);
        assert!(!place.path().join("a").exists());
        fs::write(place.path().join("a"), "").expect("a file");
        assert!(writable("data", "DATA_DIR", &place.path().join("a")).text.contains("is no folder; name another"));
        assert_eq!(nearest(Path::new("nowhere/at/all")), Path::new("."));
        assert!(writable("data", "DATA_DIR", &dir).text.contains("a is no folder; name another"));
    }

    #[test]
    fn a_folder_in_the_place_of_the_exposure_log_is_told_of() -> anyhow::Result<()> {
        let place = tempfile::tempdir()?;
        let config = Config { data_dir: place.path().to_owned(), ..Config::for_test(&[])? };
        assert!(exposure_log(&config).is_none());
        fs::create_dir_all(config.evaluation_dir().join(LOG_NAME))?;
        assert!(exposure_log(&config).is_some_and(|found| found.text.contains("exposure_log.jsonl is a folder")));
        Ok(())
    }
}
