import { type Caller, title } from "../caller";
import type { Request } from "../dialects/dialect";
import { Code } from "./code";
import { Modal } from "./modal";

/** Asks before a request that writes is sent. */
export function Confirm(props: {
  request: Request; cannot: string[]; caller: Caller; run: () => void; close: () => void;
}): React.ReactElement {
  const { method, path, body } = props.request;
  return (
    <Modal title="Run this write?" close={props.close}>
      <div className="confirm">
      <p>It changes rows in the database, as <b>{title(props.caller)}</b>.</p>
      <p className="path"><b>{method}</b> {path}</p>
      {body !== null && <Code text={body} as="json" label="Body of the request" wrap />}
      {props.cannot.length > 0 && (
        <div className="cannot">
          <h3>Not all that the mutation says</h3>
          <ul>{props.cannot.map((part) => <li key={part}>{part}</li>)}</ul>
        </div>
      )}
      </div>
      <div className="dialog-end">
        <button type="button" onClick={props.close}>Cancel</button>
        <button type="button" className="primary" onClick={props.run}>Run it</button>
      </div>
    </Modal>
  );
}
