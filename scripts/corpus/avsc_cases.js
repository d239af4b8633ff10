// Reads cases as JSON from standard input and answers with the bytes avsc makes of each, in hexadecimal digits.
'use strict';
const avsc = require('avsc');
const fs = require('fs');

// Every union is wrapped: {branch: value}, or null. The notation wraps only those with several types.
function native(type, value) {
  switch (type.typeName) {
    case 'union:wrapped':
    case 'union:unwrapped': {
      if (value === null) return null;
      const others = type.types.filter((branch) => branch.typeName !== 'null');
      if (others.length === 1) return { [others[0].branchName]: native(others[0], value) };
      const branch = type.types.find((found) => found.branchName === value.$branch);
      return { [value.$branch]: native(branch, value.$value) };
    }
    case 'record':
    case 'error':
      return Object.fromEntries(type.fields.map((field) => [field.name, native(field.type, value[field.name])]));
    case 'array':
      return value.map((item) => native(type.itemsType, item));
    case 'map':
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, native(type.valuesType, item)]));
    case 'bytes':
    case 'fixed':
      return Buffer.from(value.$bytes, 'hex');
    case 'float':
    case 'double':
      return { inf: Infinity, '-inf': -Infinity }[value] ?? Number(value);
    default:
      return value;
  }
}

const cases = JSON.parse(fs.readFileSync(0, 'utf8'));
const hex = cases.map(({ schema, value }) => {
  const type = avsc.Type.forSchema(schema, { wrapUnions: true });
  return type.toBuffer(native(type, value)).toString('hex');
});
process.stdout.write(JSON.stringify({ version: require('avsc/package.json').version, hex }));
