// What the page to write in takes from CodeMirror.
import { Language, defineLanguageFacet } from "@codemirror/language";
import { parser } from "@lezer/markdown";

export { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
export { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
export { python } from "@codemirror/lang-python";
export { StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
export { stex } from "@codemirror/legacy-modes/mode/stex";
export { searchKeymap } from "@codemirror/search";
export { Compartment, EditorState, RangeSet, StateEffect, StateField } from "@codemirror/state";
export {
  Decoration, EditorView, GutterMarker, drawSelection, gutter, highlightActiveLine, highlightSpecialChars, hoverTooltip,
  keymap, lineNumbers,
} from "@codemirror/view";
export { classHighlighter } from "@lezer/highlight";

// The one of @codemirror/lang-markdown brings languages of the web along.
export const markdown = () => new Language(defineLanguageFacet({}), parser, [], "markdown").extension;
