/** The text as Terraform reads a template; expressions that it would fill in stay as they are. */
export function unescapeTemplate(template: string): string {
  return template.replaceAll(/\$\{"([$%]+)"\}|([$%])\2(?=\{)/g, (_, signs?: string, sign?: string) => signs ?? sign ?? "");
}
