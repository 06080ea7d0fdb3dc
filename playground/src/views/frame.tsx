import { Component, useRef } from "react";
import { type Caller, title } from "../caller";
import mark from "../mark.svg";
import { TABS, type TabId } from "../page";
import type { Trouble } from "../server";
import type { Theme } from "../theme";
import { Icon } from "./icon";

/** The bar at the top: name, tabs, who asks, theme, shortcuts. */
export function Bar(props: {
  tab: TabId; open: (tab: TabId) => void; caller: Caller; theme: Theme; ready: boolean;
  choose: (theme: Theme) => void; askWho: () => void; showKeys: () => void;
}): React.ReactElement {
  return (
    <header className="bar">
      <h1 className="brand"><img src={mark} alt="" width="22" height="22" />Diglot</h1>
      <Tabs tab={props.tab} open={props.open} />
      <div className="bar-end">
        <button
          type="button" className="who-button" onClick={props.askWho} disabled={!props.ready}
          aria-label={`Who asks: ${title(props.caller)}`} aria-haspopup="dialog" title="Who asks"
        >
          <Icon name="person" /><span>{title(props.caller)}</span>
        </button>
        <label className="theme-choice">
          <span className="unseen">Theme</span>
          <select value={props.theme} onChange={(event) => props.choose(event.target.value as Theme)}>
            <option value="system">System</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </label>
        <button type="button" className="plain-button" onClick={props.showKeys} aria-label="Keyboard shortcuts" title="Keyboard shortcuts">
          <Icon name="keys" />
        </button>
      </div>
    </header>
  );
}

function Tabs(props: { tab: TabId; open: (tab: TabId) => void }): React.ReactElement {
  const buttons = useRef<Partial<Record<TabId, HTMLButtonElement | null>>>({});
  const move = (event: React.KeyboardEvent): void => {
    const at = TABS.findIndex((tab) => tab.id === props.tab);
    const to = event.key === "ArrowRight" ? (at + 1) % TABS.length
      : event.key === "ArrowLeft" ? (at + TABS.length - 1) % TABS.length
      : event.key === "Home" ? 0 : event.key === "End" ? TABS.length - 1 : -1;
    const next = TABS[to];
    if (!next) return;
    event.preventDefault();
    props.open(next.id);
    buttons.current[next.id]?.focus();
  };
  return (
    <div className="tabs" role="tablist" aria-label="Views" onKeyDown={move}>
      {TABS.map(({ id, title: name }) => (
        <button
          key={id} type="button" role="tab" id={`tab-${id}`} aria-controls={`panel-${id}`}
          aria-selected={id === props.tab} tabIndex={id === props.tab ? 0 : -1}
          onClick={() => props.open(id)} ref={(button) => { buttons.current[id] = button; }}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

/** What went wrong, and what helps. */
export function Notice(props: { trouble: Trouble; again: () => void; close: () => void }): React.ReactElement {
  return (
    <div className="notice" role="alert">
      <p><strong>{props.trouble.title}</strong> {props.trouble.detail}</p>
      <button type="button" onClick={props.again}>Try again</button>
      <button type="button" className="plain-button" onClick={props.close} aria-label="Dismiss"><Icon name="close" /></button>
    </div>
  );
}

/** Stands where tables are needed and not there yet, or not to be had. */
export function Waiting({ refused }: { refused: boolean }): React.ReactElement {
  return refused
    ? <p className="empty">The tables could not be read, so there is nothing to show here.</p>
    : <p className="quiet" role="status">Reading the tables…</p>;
}

/** Keeps a fault of the page in words on the page, instead of an empty window. */
export class Boundary extends Component<{ children: React.ReactNode }, { fault: string | null }> {
  override state: { fault: string | null } = { fault: null };

  static getDerivedStateFromError(error: unknown): { fault: string } {
    return { fault: String(error) };
  }

  override render(): React.ReactNode {
    if (this.state.fault === null) return this.props.children;
    return (
      <div className="view" role="alert">
        <h2>The playground has stumbled</h2>
        <p className="empty">{this.state.fault}</p>
        <button type="button" className="primary" onClick={() => location.reload()}>Reload the page</button>
      </div>
    );
  }
}
