/// How much of the processors templates and their cells get beside the evaluator.
public enum TemplatePriority {
    /// Their nice level: about a third of the weight of level 0 (sched(7)).
    public static let nice: Int32 = 5
}
