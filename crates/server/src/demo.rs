//! `watershed demo`: accounts and clips for an empty data folder, and clips from a folder of one's own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use accounts::{NewAccount, Role};
use anyhow::{Context, Result};
use app::{App, NewUpload};
use base::{AccountId, SoundId, VideoId};
use catalog::Status;
use media::demo::{self, CREATORS, DemoClip, Fonts, Rendered};
use media::upload::Metadata;
use media::{Caps, Sandbox};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Clips that wait to be worked on at once; the rest is made when these are through, so that the first play soon.
const AHEAD: usize = 3;
const POLL: Duration = Duration::from_millis(200);
/// The endings of files that `--import` takes for videos. What they are is decided by looking into them.
const VIDEO_ENDINGS: &[&str] = &["mp4", "m4v", "mov", "webm", "mkv", "avi", "mpg", "mpeg", "ts", "3gp", "flv", "ogv"];
/// Letters of a made-up password: none that look alike. 16 of them hold 79 bits.
const PASSWORD_LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const PASSWORD_LENGTH: usize = 16;

/// What the command line asked for.
pub struct Wanted {
    pub import: Option<PathBuf>,
}

/// What was made, kept in the data folder, so that a stop in the middle is gone on from.
#[derive(Default, Serialize, Deserialize)]
struct State {
    accounts: Vec<DemoAccount>,
    /// Clips of the plan that were handed in.
    clips: usize,
    /// By title: the first clip with a sound, and so the sound once it is known.
    #[serde(default)]
    sounds: BTreeMap<String, VideoId>,
    /// Names of imported files.
    imported: BTreeSet<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct DemoAccount {
    handle: String,
    password: String,
    role: Role,
}

struct Filling {
    app: Arc<App>,
    sandbox: Sandbox,
    path: PathBuf,
    work: PathBuf,
    state: State,
    creators: Vec<AccountId>,
    /// Handed in by this start, or by an earlier one that ended before they were through.
    handed_in: Vec<VideoId>,
    /// Clips that an earlier start brought through.
    before: usize,
    total: usize,
    stop: CancellationToken,
}

/// Makes the accounts, prints them, and starts making clips. `None` when there is nothing to make.
pub async fn begin(app: Arc<App>, config: &Config, wanted: Wanted, stop: CancellationToken) -> Result<Option<JoinHandle<()>>> {
    let path = config.region.data_dir.join("secrets").join("demo.json");
    let (mut state, ours) = match fs::read(&path) {
        Ok(bytes) => (serde_json::from_slice::<State>(&bytes).with_context(|| format!("{} is damaged", path.display()))?, true),
        Err(_) => (State::default(), app.catalog.published_count().await? == 0),
    };
    if ours {
        make_accounts(&app, &path, &mut state).await?;
        print_accounts(&state);
    } else {
        println!("The data folder is in use already: no demo is made in it.");
    }

    let mut creators = Vec::new();
    for creator in CREATORS {
        if let Ok(account) = app.accounts.by_handle(creator.handle).await {
            creators.push(account.id);
        }
    }
    let mut plan: Vec<DemoClip> = demo::plan(config.demo.seed).into_iter().take(config.demo.clips).collect();
    if ours && creators.len() == CREATORS.len() {
        plan.drain(..state.clips.min(plan.len()));
    } else {
        plan.clear();
    }
    let files = match &wanted.import {
        Some(dir) => new_files(dir, &state).with_context(|| format!("cannot read the folder {}", dir.display()))?,
        None => Vec::new(),
    };
    let mut handed_in = Vec::new();
    if ours {
        handed_in.extend(app.catalog.processing(None).await?.iter().filter(|v| creators.contains(&v.creator)).map(|v| v.id));
    }
    if plan.is_empty() && files.is_empty() && handed_in.is_empty() {
        return Ok(None);
    }
    let work = config.region.data_dir.join("work").join("demo");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let sandbox = Sandbox::new(Caps::default());
    let before = state.clips.saturating_sub(handed_in.len());
    let total = before + handed_in.len() + plan.len() + files.len();
    let filling = Filling { app, sandbox, path, work, state, creators, handed_in, before, total, stop };
    filling.progress().await?;
    Ok(Some(tokio::spawn(filling.run(plan, files))))
}

/// Passwords are kept before an account has one, so that a stop in the middle leaves none that nobody knows.
async fn make_accounts(app: &App, path: &Path, state: &mut State) -> Result<()> {
    let people = CREATORS.iter().map(|c| (c.handle, c.display_name, c.bio, Role::Person));
    let house =
        [("operator", "Operator", "Runs this place.", Role::Operator), ("viewer", "Viewer", "Here to watch.", Role::Person)];
    let people: Vec<_> = house.into_iter().chain(people).collect();
    if state.accounts.is_empty() {
        for (handle, _, _, role) in &people {
            let password: String = (0..PASSWORD_LENGTH)
                .map(|_| PASSWORD_LETTERS[(app.random_u64() % PASSWORD_LETTERS.len() as u64) as usize] as char)
                .collect();
            state.accounts.push(DemoAccount { handle: (*handle).into(), password, role: *role });
        }
        save(path, state)?;
    }
    if state.clips > 0 {
        return Ok(());
    }
    for ((handle, display_name, bio, role), account) in people.into_iter().zip(&state.accounts) {
        if app.accounts.by_handle(handle).await.is_ok() {
            continue;
        }
        let new = NewAccount {
            handle: handle.into(),
            display_name: Some(display_name.into()),
            bio: bio.into(),
            password: account.password.clone(),
            birth_year: 1990,
            language: None,
            role,
        };
        app.create_account(new).await.with_context(|| format!("the demo account {handle} could not be made"))?;
    }
    Ok(())
}

fn print_accounts(state: &State) {
    if state.accounts.is_empty() {
        return;
    }
    println!("Demo accounts (handle  password):");
    for account in &state.accounts {
        let note = if account.role == Role::Operator { "  sees /studio/ops" } else { "" };
        println!("  {:<12} {}{note}", account.handle, account.password);
    }
}

fn save(path: &Path, state: &State) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(state)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    Ok(())
}

/// The folder's video files that were not imported before, by name.
fn new_files(dir: &Path, state: &State) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).unwrap_or_default();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_file() && VIDEO_ENDINGS.contains(&ending.as_str()) && !state.imported.contains(&name) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A caption from a file's name: no ending, no underscores.
fn caption_of(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().replace(['_', '-'], " ")).unwrap_or_default().trim().to_owned()
}

impl Filling {
    async fn run(mut self, clips: Vec<DemoClip>, files: Vec<PathBuf>) {
        if let Err(error) = self.fill(clips, files).await {
            eprintln!("\nThe demo could not be completed: {error:#}");
        }
        self.app.set_demo_progress(None);
        let _ = fs::remove_dir_all(&self.work);
    }

    async fn fill(&mut self, clips: Vec<DemoClip>, files: Vec<PathBuf>) -> Result<()> {
        let fonts = Fonts::find().await;
        let mut clips = clips.into_iter().peekable();
        if let Some(clip) = clips.peek()
            && self.has(clip).await?
        {
            // An earlier start was ended between handing the clip in and noting it.
            self.state.clips += 1;
            self.before += 1;
            clips.next();
        }
        // One's own files come after the first clips, so that the page opens at once and they follow soon.
        for clip in clips.by_ref().take(8) {
            self.make(&fonts, &clip).await?;
        }
        for file in files {
            self.import(&file).await?;
        }
        for clip in clips {
            self.make(&fonts, &clip).await?;
        }
        while self.waiting().await? > 0 && !self.stop.is_cancelled() {
            self.progress().await?;
            tokio::time::sleep(POLL).await;
        }
        self.progress().await?;
        if !self.stop.is_cancelled() {
            eprintln!("\rAll {} clips are in.                    ", self.total);
        }
        Ok(())
    }

    /// Whether the newest clip of its creator is this one.
    async fn has(&self, clip: &DemoClip) -> Result<bool> {
        let Some(creator) = self.creators.get(clip.creator) else { return Ok(false) };
        let newest = self.app.catalog.uploads_of(*creator, store::cursor::Cursor::TOP, 1).await?;
        Ok(newest.items.first().is_some_and(|video| video.caption == clip.caption))
    }

    async fn make(&mut self, fonts: &Fonts, clip: &DemoClip) -> Result<()> {
        self.wait_for_room().await?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        let out = self.work.join("clip.mp4");
        // A machine that is busy with something else draws some clips too slowly: those are left out, the others are not.
        let rendered = match demo::render(&self.sandbox, fonts, clip, &out).await {
            Ok(rendered) => rendered,
            Err(error) => Rendered::Skipped(error.to_string()),
        };
        match rendered {
            Rendered::Made => {
                let sound = self.sound_of(clip.sound).await?;
                let new = |upload| NewUpload {
                    upload,
                    caption: clip.caption.clone(),
                    sound,
                    sound_title: Some(clip.sound.to_owned()),
                    kind: Some(clip.kind.to_owned()),
                };
                let creator = *self.creators.get(clip.creator).context("the plan names a creator who is not there")?;
                let video = self.hand_in(creator, &out, new).await?;
                self.state.sounds.entry(clip.sound.to_owned()).or_insert(video);
            }
            Rendered::Skipped(why) => eprintln!("\rSkipped a clip: {why}"),
        }
        self.state.clips += 1;
        save(&self.path, &self.state)
    }

    async fn import(&mut self, file: &Path) -> Result<()> {
        self.wait_for_room().await?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        let caption = caption_of(file);
        let owner = match self.creators.first() {
            Some(_) => self.app.accounts.by_handle("operator").await?.id,
            None => return Ok(()),
        };
        let new = |upload| NewUpload { upload, caption, sound: None, sound_title: None, kind: Some("import".into()) };
        if let Err(error) = self.hand_in(owner, file, new).await {
            eprintln!("\r{}: {error:#}", file.display());
        }
        self.state.imported.extend(file.file_name().and_then(|n| n.to_str()).map(str::to_owned));
        save(&self.path, &self.state)
    }

    /// Uploads a file as its creator would and makes a video of it.
    async fn hand_in(
        &mut self,
        owner: AccountId,
        file: &Path,
        new: impl FnOnce(base::UploadId) -> NewUpload,
    ) -> Result<VideoId> {
        let length = fs::metadata(file)?.len();
        let upload = self.app.uploads.create(owner, length, Metadata::default()).await?;
        let body = tokio::fs::File::open(file).await?;
        self.app.uploads.append(upload.id, owner, 0, body).await?;
        let video = self.app.create_video(owner, new(upload.id)).await?;
        self.handed_in.push(video.id);
        Ok(video.id)
    }

    /// The sound that an earlier clip of the same title gave birth to.
    async fn sound_of(&self, title: &str) -> Result<Option<SoundId>> {
        match self.state.sounds.get(title) {
            Some(first) => Ok(self.app.catalog.video(*first).await?.sound),
            None => Ok(None),
        }
    }

    /// Clips that are handed in and neither published nor refused.
    async fn waiting(&self) -> Result<usize> {
        let mut waiting = 0;
        for id in &self.handed_in {
            waiting += usize::from(self.app.catalog.video(*id).await?.status == Status::Processing);
        }
        Ok(waiting)
    }

    async fn wait_for_room(&self) -> Result<()> {
        loop {
            self.progress().await?;
            if self.waiting().await? < AHEAD || self.stop.is_cancelled() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn progress(&self) -> Result<()> {
        let done = self.before + self.handed_in.len() - self.waiting().await?;
        self.app.set_demo_progress(Some((done as u32, self.total as u32)));
        if std::io::stderr().is_terminal() {
            eprint!("\rMaking demo clips: {done} of {} ", self.total);
            let _ = std::io::stderr().flush();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_captions_and_only_new_videos_are_taken() {
        assert_eq!(caption_of(Path::new("/x/my_holiday-clip.final.mp4")), "my holiday clip.final");
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.mp4", "a.MOV", "notes.txt", "old.webm"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        let state = State { imported: ["old.webm".to_owned()].into(), ..State::default() };
        let found: Vec<_> = new_files(dir.path(), &state).unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        assert_eq!(found, ["a.MOV", "b.mp4"]);
    }
}
