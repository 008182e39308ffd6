/** What source files have in quotes, as the compiler reads them: comments, imports and types are not among it. */
import {join} from 'node:path';
import {
  isExportDeclaration,
  isImportDeclaration,
  isJsxText,
  isLiteralTypeNode,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isStringLiteral,
  isTemplateExpression,
  type Node,
} from 'typescript/unstable/ast';
import {API} from 'typescript/unstable/sync';

/** A literal; in a template `{}` stands for each value. Text between tags is told apart. */
export interface Literal {
  readonly file: string;
  readonly text: string;
  readonly isBetweenTags: boolean;
}

/** The literals of files of the project at `root`, by their paths from there. Messages of bugs (`new Error`) are left out. */
export function literalsOf(root: string, files: readonly string[]): readonly Literal[] {
  const compiler = new API({cwd: root});
  try {
    const config = join(root, 'tsconfig.json');
    const project = compiler.updateSnapshot({openProjects: [config]}).getProject(config);
    return files.flatMap((file) => {
      const source = project?.program.getSourceFile(join(root, file));
      if (source === undefined) throw new Error(`${file} is not a file of the project`);
      return literalsIn(source).map((literal) => ({file, ...literal}));
    });
  } finally {
    compiler.close();
  }
}

function literalsIn(node: Node): Omit<Literal, 'file'>[] {
  if (isImportDeclaration(node) || isExportDeclaration(node) || isLiteralTypeNode(node)) return [];
  if (isNewExpression(node) && /^(Range|Type)?Error$/.test(node.expression.getText())) return [];
  const found: Omit<Literal, 'file'>[] = [];
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node))
    found.push({text: node.text, isBetweenTags: false});
  if (isJsxText(node)) found.push({text: node.text, isBetweenTags: true});
  if (isTemplateExpression(node)) {
    const spans = node.templateSpans.map(({literal}) => literal.text);
    found.push({text: [node.head.text, ...spans].join('{}'), isBetweenTags: false});
  }
  node.forEachChild((child) => {
    found.push(...literalsIn(child));
  });
  return found;
}
