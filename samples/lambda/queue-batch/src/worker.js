// Works through a batch of messages and tells which of them failed, so that only those come again.
exports.api = {
  async process(event) {
    const batchItemFailures = [];
    for (const record of event.Records) {
      try {
        const { amount } = JSON.parse(record.body);
        if (!(amount > 0)) throw new RangeError(`the amount ${amount} is not positive`);
        console.info('booked', amount);
      } catch (error) {
        console.error('left', record.messageId, error.message);
        batchItemFailures.push({ itemIdentifier: record.messageId });
      }
    }
    return { batchItemFailures };
  },
};
