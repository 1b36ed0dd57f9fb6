/// What templates and their cells get beside the evaluator.
public enum TemplatePriority {
    /// Their nice level on the processors: about a third of the weight of level 0 (sched(7)).
    public static let nice: Int32 = 5
    /// Their points with the kernel's OOM killer (`oom_score_adj`), beside the evaluator's 0.
    public static let outOfMemory = 500
}
