import { isMacOs } from "@graphiql/react";
import { Modal } from "./modal";

const MAIN = isMacOs ? "⌘" : "Ctrl";
const ALT = isMacOs ? "⌥" : "Alt";

const KEYS: [keys: string[], what: string][] = [
  [[MAIN, "Enter"], "Run the question"],
  [["Ctrl", "Space"], "Complete"],
  [["Shift", "Ctrl", "P"], "Prettify"],
  [["Shift", "Ctrl", "M"], "Merge fragments into the question"],
  [[MAIN, "F"], "Search in the editor"],
  [["Esc"], "Leave the editor"],
  [[ALT, "Shift", "R"], "Read the schema again"],
  [[ALT, "Shift", "1 – 4"], "GraphQL, REST, Plan, Schema"],
  [["←", "→"], "Move between tabs"],
  [[ALT, "Shift", "W"], "Who asks"],
  [[ALT, "Shift", "D"], "Dark or light"],
  [["?"], "This list"],
];

export function Shortcuts(props: { close: () => void }): React.ReactElement {
  return (
    <Modal title="Keyboard shortcuts" close={props.close}>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="quiet small-print"><a href={`${import.meta.env.BASE_URL}assets/licenses.txt`} target="_blank" rel="noreferrer">Licences of the libraries in this page</a></p>
    </Modal>
  );
}
