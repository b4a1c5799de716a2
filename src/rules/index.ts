export { RulesError, type RulesPlace } from '../errors/rules-error.ts';
export { checkRules, type Finding } from './check.ts';
export { type Decision, decide, type PlannedLock } from './decide.ts';
export { findRules, usersRules } from './find.ts';
export { loadRules } from './load.ts';
export type { Captured, Command } from './match.ts';
export type { Part, Pattern, PlainWord, RestWord, Word } from './pattern.ts';
export type { Operation, Policy, Resource, Rules, Scope, Settings, Unmatched, Use } from './rules.ts';
export type { PathOf } from './wait-graph.ts';
